//! The systems that go away and come back, each as its own tests set it up.

use order_sdk::OrderName;
use order_sdk::proto::{self, MailState, NoteAudience, TransferForm};
use order_tests::fakes::{Effect, Fake, Provider, Trouble};

use super::{Outside, Side};
use crate::accounting;
use crate::adyen;
use crate::harness::smtp::{MailServer, Speech};
use crate::harness::till::{self, Deed, Sale, TOTAL, Till};
use crate::harness::{Backend, World, eventually, request_id};
use crate::integrations::world_with_key;
use crate::labels;
use crate::mail_servers::with;
use crate::notes::{mail_states, set_seller};

/// A shop with a mail server of its own.
pub(super) struct Post {
    world: World,
    mail: MailServer,
}

impl<Where: Provider> Outside for Fake<Where> {
    fn vanish(&self, effect: Effect) {
        self.trouble(Trouble::of("", effect).always());
    }

    fn reappear(&self) {
        self.recover();
    }

    fn calls(&self) -> usize {
        self.book().arrivals.len()
    }
}

impl Outside for MailServer {
    fn vanish(&self, _silence: Effect) {
        self.set_away(true);
    }

    fn reappear(&self) {
        self.set_away(false);
    }

    fn calls(&self) -> usize {
        self.silence().begun
    }
}

impl<Where: Till> Side for till::Stage<Where> {
    type Matter = Sale;

    async fn set(backend: Backend) -> Self {
        Self::set(backend).await
    }

    fn world(&self) -> &World {
        &self.world
    }

    async fn prepare(&self) -> Sale {
        self.buy(TOTAL).await
    }

    async fn ask(&self, sale: &Sale) {
        self.begin(Deed::Capture, sale).await;
    }

    fn outside(&self) -> &impl Outside {
        &self.fake
    }

    fn done(&self, sale: &Sale) -> usize {
        self.done("capture", &sale.id).len()
    }

    async fn settled(&self, sale: &Sale) -> proto::Order {
        self.world.settled(&sale.name).await
    }
}

impl Side for adyen::stage::Stage {
    type Matter = adyen::stage::Sale;

    async fn set(backend: Backend) -> Self {
        Self::set(backend).await
    }

    fn world(&self) -> &World {
        &self.world
    }

    async fn prepare(&self) -> Self::Matter {
        self.buy(adyen::stage::TOTAL).await
    }

    async fn ask(&self, sale: &Self::Matter) {
        self.begin("capture", &sale.name).await;
    }

    fn outside(&self) -> &impl Outside {
        &self.fake
    }

    fn done(&self, sale: &Self::Matter) -> usize {
        self.done("capture", &sale.psp).len()
    }

    async fn settled(&self, sale: &Self::Matter) -> proto::Order {
        self.world.settled(&sale.name).await
    }
}

impl Side for accounting::Stage {
    type Matter = OrderName;

    async fn set(backend: Backend) -> Self {
        Self::set(backend).await
    }

    fn world(&self) -> &World {
        &self.world
    }

    async fn prepare(&self) -> OrderName {
        self.sell().await
    }

    async fn ask(&self, name: &OrderName) {
        self.world.client.transfer(name, TransferForm::Invoice).send().await.unwrap();
    }

    fn outside(&self) -> &impl Outside {
        &*self.fake
    }

    fn done(&self, name: &OrderName) -> usize {
        self.done("invoice", name).len()
    }

    async fn settled(&self, name: &OrderName) -> proto::Order {
        self.booked(name).await
    }
}

impl Side for labels::Stage {
    /// With the label's reference there.
    type Matter = (OrderName, std::cell::OnceCell<String>);

    async fn set(backend: Backend) -> Self {
        Self::set(backend).await
    }

    fn world(&self) -> &World {
        &self.world
    }

    async fn prepare(&self) -> Self::Matter {
        (self.sent().await, std::cell::OnceCell::new())
    }

    async fn ask(&self, (name, reference): &Self::Matter) {
        reference.set(self.ask(name).await).unwrap();
    }

    fn outside(&self) -> &impl Outside {
        &self.fake
    }

    fn done(&self, (_, reference): &Self::Matter) -> usize {
        reference.get().map_or(0, |reference| self.made(reference))
    }

    async fn settled(&self, (name, _): &Self::Matter) -> proto::Order {
        self.world.labelled(name).await
    }
}

impl Side for Post {
    /// With the address of the mail.
    type Matter = (OrderName, String);

    async fn set(backend: Backend) -> Self {
        let mail = MailServer::start(Speech::Plain).await;
        let world = world_with_key(backend, &["--stand-ins", "true"]).await;
        set_seller(&world).await;
        let integration = with(&mail, |smtp| {
            "127.0.0.1".clone_into(&mut smtp.host);
            smtp.username.clear();
            smtp.password.clear();
        });
        world.integrate("post", integration).await.unwrap();
        Self { world, mail }
    }

    fn world(&self) -> &World {
        &self.world
    }

    async fn prepare(&self) -> Self::Matter {
        let email = format!("kari-{}@example.com", request_id());
        let draft = self.world.draft(500).customer("Kari Testesen-Hemmelig", &email);
        let order = self.world.place(draft.payment("manual", "", 500)).await;
        (order.name.parse().unwrap(), email)
    }

    async fn ask(&self, (name, _): &Self::Matter) {
        let note = self.world.client.new_note(name, NoteAudience::Customer, "Pakk godt ut");
        note.send_email(true).send().await.unwrap();
    }

    fn outside(&self) -> &impl Outside {
        &self.mail
    }

    fn done(&self, (_, email): &Self::Matter) -> usize {
        self.mail.taken(email).len()
    }

    async fn settled(&self, (name, _): &Self::Matter) -> proto::Order {
        eventually(&format!("the mail of {name} is sent"), async || {
            let order = self.world.get(name).await;
            (mail_states(&order) == [MailState::Sent]).then_some(order)
        })
        .await
    }
}
