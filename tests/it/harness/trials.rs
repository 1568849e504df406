//! How tests are listed and run.

use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use super::audited::{self, Audited};
use super::folder::keep_evidence;
use super::server::Backend;
use super::slowest;
use super::world::World;

/// Tests that run at once unless told otherwise: most of their time they wait.
pub(crate) const AT_ONCE: usize = 16;

/// Lists the tests of a file: on both databases in a shop of its own (`shared`), on both with servers
/// of its own (`own`; `name::<System>` runs it against that system), and those that need neither
/// (`once`). All end with the exactness audit of every shop, but those that leave their tables damaged
/// on purpose (`damaged`).
macro_rules! trials {
    ($(shared: [$($shared:ident),* $(,)?];)? $(own: [$($own:ident $(::<$system:ident>)?),* $(,)?];)? $(damaged: [$($damaged:ident),* $(,)?];)? $(once: [$($once:ident),* $(,)?];)?) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            let area = module_path!();
            [
                $($($crate::harness::trials::shared(area, stringify!($shared), $shared),)*)?
                $($($crate::harness::trials::own(
                    area,
                    concat!(stringify!($own) $(, "::", stringify!($system))?),
                    $own $(::<$system>)?,
                ),)*)?
                $($($crate::harness::trials::damaged(area, stringify!($damaged), $damaged),)*)?
                $($($crate::harness::trials::once(area, stringify!($once), $once),)*)?
            ]
            .into_iter()
            .flatten()
            .collect()
        }
    };
}

/// A test in a shop of its own, on both databases.
pub(crate) fn shared<Body, Running>(area: &str, name: &'static str, body: Body) -> Vec<Trial>
where
    Body: Fn(World) -> Running + Copy + Send + 'static,
    Running: Future<Output = ()>,
{
    on_both(area, name, true, move |backend| async move {
        let world = World::shared(backend).await;
        body(world.clone()).await;
        let (breaches, _) = world.breaches().await;
        assert!(breaches.is_empty(), "the audit finds {breaches:?}");
    })
}

/// A test with servers of its own, on both databases; what it hands back, others look into further.
pub(crate) fn own<Body, Running>(area: &str, name: &'static str, body: Body) -> Vec<Trial>
where
    Body: Fn(Backend) -> Running + Copy + Send + 'static,
    Running: Future,
{
    on_both(area, name, true, move |backend| async move { drop(body(backend).await) })
}

/// The same, and what it leaves in its tables is no work of the server's.
pub(crate) fn damaged<Body, Running>(area: &str, name: &'static str, body: Body) -> Vec<Trial>
where
    Body: Fn(Backend) -> Running + Copy + Send + 'static,
    Running: Future<Output = ()>,
{
    on_both(area, name, false, body)
}

fn on_both<Body, Running>(area: &str, name: &str, is_audited: bool, body: Body) -> Vec<Trial>
where
    Body: Fn(Backend) -> Running + Copy + Send + 'static,
    Running: Future<Output = ()>,
{
    Backend::ALL
        .map(|backend| {
            let audited = is_audited.then(Audited::begin);
            let name = format!("{name}::{}", backend.name());
            trial(area, &name, audited, async move || body(backend).await)
        })
        .into()
}

/// A test that brings what it needs.
pub(crate) fn once<Body, Running>(area: &str, name: &'static str, body: Body) -> Vec<Trial>
where
    Body: Fn() -> Running + Copy + Send + 'static,
    Running: Future<Output = ()>,
{
    vec![trial(area, name, Some(Audited::begin()), async move || body().await)]
}

fn trial<Body>(area: &str, name: &str, audited: Option<Audited>, body: Body) -> Trial
where
    Body: AsyncFn() + Send + 'static,
{
    let area = area.strip_prefix("it::").unwrap_or(area);
    let name = format!("{area}::{name}");
    Trial::test(name.clone(), move || {
        let began = Instant::now();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all();
        if let Some(audited) = &audited {
            let test = audited.id();
            audited::enter(test);
            runtime.on_thread_start(move || audited::enter(test));
        }
        let runtime = runtime.build().map_err(Failed::from)?;
        let mut evidence = Evidence { is_needed: true };
        runtime.block_on(async {
            body().await;
            if let Some(audited) = &audited {
                audited.finish().await;
            }
        });
        evidence.is_needed = false;
        slowest::note(&name, began);
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(())
    })
}

/// A test that panics leaves its folders behind.
struct Evidence {
    is_needed: bool,
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if self.is_needed {
            keep_evidence();
        }
    }
}
