//! The words of the withdrawal form in the languages of the North.

/// The form in one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub title: &'static str,
    pub file: &'static str,
    pub instruction: &'static str,
    pub to: &'static str,
    pub notice: &'static str,
    pub goods: &'static str,
    /// Where so many more are not listed.
    pub more: &'static str,
    pub number: &'static str,
    pub ordered: &'static str,
    pub received: &'static str,
    pub name: &'static str,
    pub address: &'static str,
    pub date: &'static str,
    pub signature: &'static str,
}

const ENGLISH: Words = Words {
    title: "Withdrawal form",
    file: "Withdrawal-form",
    instruction: "Complete and return this form only if you wish to withdraw from the contract.",
    to: "To",
    notice: "I/We hereby give notice that I/we withdraw from my/our contract of sale of the following \
             goods or for the provision of the following services:",
    goods: "Goods or services (specify)",
    more: "and {} more",
    number: "Order number",
    ordered: "Ordered on",
    received: "Received on",
    name: "Name of consumer(s)",
    address: "Address of consumer(s)",
    date: "Date",
    signature: "Signature of consumer(s) (only if this form is on paper)",
};

/// By primary language.
const WORDS: [(&str, Words); 6] = [
    (
        "nb",
        Words {
            title: "Angreskjema",
            file: "Angreskjema",
            instruction: "Fyll ut og returner dette skjemaet bare dersom du ønsker å gå fra avtalen.",
            to: "Utfylt skjema sendes til",
            notice: "Jeg/vi underretter herved om at jeg/vi ønsker å gå fra min/vår avtale om kjøp av \
                     følgende:",
            goods: "Varer eller tjenester (spesifiser)",
            more: "og {} til",
            number: "Ordrenummer",
            ordered: "Avtalen ble inngått den",
            received: "Varen ble mottatt den",
            name: "Forbrukerens/forbrukernes navn",
            address: "Forbrukerens/forbrukernes adresse",
            date: "Dato",
            signature: "Underskrift (dersom papirskjema benyttes)",
        },
    ),
    (
        "nn",
        Words {
            title: "Angreskjema",
            file: "Angreskjema",
            instruction: "Fyll ut og send tilbake dette skjemaet berre dersom du ønskjer å gå frå \
                          avtala.",
            to: "Utfylt skjema skal sendast til",
            notice: "Eg/vi gir med dette melding om at eg/vi ønskjer å gå frå avtala mi/vår om kjøp av \
                     følgjande:",
            goods: "Varer eller tenester (spesifiser)",
            more: "og {} til",
            number: "Ordrenummer",
            ordered: "Avtala vart inngått den",
            received: "Vara vart motteken den",
            name: "Namnet til forbrukaren/forbrukarane",
            address: "Adressa til forbrukaren/forbrukarane",
            date: "Dato",
            signature: "Underskrift (dersom papirskjema blir brukt)",
        },
    ),
    ("en", ENGLISH),
    (
        "sv",
        Words {
            title: "Ångerblankett",
            file: "Ångerblankett",
            instruction: "Fyll i och skicka tillbaka den här blanketten bara om du vill frånträda \
                          avtalet.",
            to: "Till",
            notice: "Jag/vi meddelar härmed att jag/vi frånträder mitt/vårt avtal om köp av följande:",
            goods: "Varor eller tjänster (specificera)",
            more: "och {} till",
            number: "Ordernummer",
            ordered: "Beställdes den",
            received: "Mottogs den",
            name: "Konsumentens/konsumenternas namn",
            address: "Konsumentens/konsumenternas adress",
            date: "Datum",
            signature: "Konsumentens/konsumenternas namnteckning (endast om blanketten är på papper)",
        },
    ),
    (
        "da",
        Words {
            title: "Fortrydelsesformular",
            file: "Fortrydelsesformular",
            instruction: "Denne formular udfyldes og returneres kun, hvis fortrydelsesretten gøres \
                          gældende.",
            to: "Til",
            notice: "Jeg/vi meddeler herved, at jeg/vi ønsker at gøre fortrydelsesretten gældende i \
                     forbindelse med min/vores aftale om køb af følgende:",
            goods: "Varer eller tjenesteydelser (angiv hvilke)",
            more: "og {} mere",
            number: "Ordrenummer",
            ordered: "Bestilt den",
            received: "Modtaget den",
            name: "Forbrugerens/forbrugernes navn",
            address: "Forbrugerens/forbrugernes adresse",
            date: "Dato",
            signature: "Forbrugerens/forbrugernes underskrift (kun hvis formularen er på papir)",
        },
    ),
    (
        "fi",
        Words {
            title: "Peruuttamislomake",
            file: "Peruuttamislomake",
            instruction: "Täytä ja palauta tämä lomake ainoastaan, jos haluat peruuttaa sopimuksen.",
            to: "Vastaanottaja",
            notice: "Ilmoitan/ilmoitamme, että haluan/haluamme peruuttaa tekemäni/tekemämme sopimuksen, \
                     joka koskee seuraavien tavaroiden toimittamista tai seuraavien palvelujen \
                     suorittamista:",
            goods: "Tavarat tai palvelut (mitkä)",
            more: "ja {} muuta",
            number: "Tilausnumero",
            ordered: "Tilauspäivä",
            received: "Vastaanottopäivä",
            name: "Kuluttajan nimi / kuluttajien nimet",
            address: "Kuluttajan osoite / kuluttajien osoitteet",
            date: "Päiväys",
            signature: "Kuluttajan/kuluttajien allekirjoitus (vain jos lomake täytetään paperilla)",
        },
    ),
];

/// The words in the language of this tag, or in English; with the language they are in.
pub(super) fn words(tag: &str) -> (&'static str, &'static Words) {
    let primary = match tag.split('-').next().unwrap_or_default() {
        "no" => "nb",
        primary => primary,
    };
    let known = WORDS.iter().find(|(language, _)| *language == primary);
    known.map_or(("en", &ENGLISH), |(language, words)| (language, words))
}
