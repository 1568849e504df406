//! What every test stands on: a server, a client of it, a shop of its own, and the witnesses.

pub(crate) mod answered;
pub(crate) mod audit;
pub(crate) mod audited;
pub(crate) mod binaries;
pub(crate) mod book;
pub(crate) mod folder;
pub(crate) mod health;
pub(crate) mod listener;
pub(crate) mod peek;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod refused;
pub(crate) mod server;
pub(crate) mod slowest;
pub(crate) mod smtp;
pub(crate) mod standstill;
pub(crate) mod till;
#[macro_use]
pub(crate) mod trials;
pub(crate) mod world;

pub(crate) use refused::{refused, wrong_fields};
pub(crate) use server::{Backend, Server, stop_shared_servers};
pub(crate) use world::{
    Bought, WAIT, World, gross, is_settled, mask, number_of, problems, request_id, status_id,
};

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

/// Long enough for anything on a busy machine, such as a doubt of a minute and what waits behind it; a
/// test that needs it all has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
/// How often is asked for what is awaited: rarer the longer it takes, so that those who wait for a minute
/// do not keep the machine busy with it.
const ASKED_AFTER: RangeInclusive<Duration> =
    Duration::from_millis(20)..=Duration::from_millis(500);
/// The part of the time waited so far that is waited more before the next question.
const ASKED_AFTER_PART: u32 = 8;

/// Each with servers of its own, for whose connections an ordinary PostgreSQL has room.
const STORIES_BESIDE: usize = 4;

/// How much more than usual: 1, or 100 with `ORDER_TEST_DEPTH=long`.
#[expect(clippy::disallowed_methods, reason = "how deep to test is a setting of the tests alone")]
pub(crate) fn depth() -> u32 {
    match std::env::var("ORDER_TEST_DEPTH").as_deref() {
        Ok("long") => 100,
        _ => 1,
    }
}

/// Tells a story once; in the long depth a hundredfold: `times` stories, each `times` as long. It is
/// given its number, and `times`.
pub(crate) async fn in_depth<Story: Future<Output = ()>>(story: impl Fn(u32, u32) -> Story) {
    let times = depth().isqrt();
    let stories = futures_util::stream::iter((0..times).map(|number| story(number, times)));
    stories.for_each_concurrent(STORIES_BESIDE, |story| story).await;
}

/// Where chance begins: `ORDER_TEST_SEED` to repeat a run; else the same every time in the ordinary
/// depth, so that a red run says something of the change, and new every time in the long one.
#[expect(clippy::disallowed_methods, reason = "the seed is a setting of the tests alone")]
pub(crate) fn seed() -> u64 {
    const ORDINARY: u64 = 20_261_125;
    match std::env::var("ORDER_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) if depth() > 1 => fastrand::u64(..),
        Err(_) => ORDINARY,
    }
}

/// Asks again until the answer is there.
pub(crate) async fn eventually<T, Asked: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> Asked,
) -> T {
    let began = Instant::now();
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            let pause = began.elapsed() / ASKED_AFTER_PART;
            tokio::time::sleep(pause.clamp(*ASKED_AFTER.start(), *ASKED_AFTER.end())).await;
        }
    };
    // What is a hundred times as much has more before it in the queue.
    match tokio::time::timeout(PATIENCE * depth().isqrt(), asking).await {
        Ok(answer) => answer,
        Err(_elapsed) => panic!("never came: {what}"),
    }
}
