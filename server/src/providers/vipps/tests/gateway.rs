//! Tokens are fetched as seldom as possible, and changes sent no oftener than Vipps allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::FakeRelativeClock;
use secrecy::ExposeSecret;

use super::super::pace::{Pace, quota};
use super::super::tokens::{Granted, Token, Tokens};

/// Whoever hands out tokens, and counts them.
#[derive(Clone, Default)]
struct Issuer(Arc<AtomicU32>);

impl Issuer {
    async fn issue(&self, lives: &str) -> Result<Granted, ()> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
        let told = format!(r#"{{"access_token": "token-{number}", "expires_in": {lives}}}"#);
        Granted::read(told.as_bytes()).ok_or(())
    }
}

fn text(token: &Token) -> &str {
    token.text().expose_secret()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_fetched_once_and_again_before_it_ends() {
    let (tokens, issuer) = (Tokens::default(), Issuer::default());
    let get = async |owner: u8| tokens.get([owner; 32], issuer.issue("\"3600\"")).await.unwrap();
    let many = (0..20).map(|_| get(1));
    let many = futures_util::future::join_all(many).await;
    assert!(many.iter().all(|token| text(token) == "token-1"), "one for all who came at once");
    assert_eq!(text(&get(2).await), "token-2", "other credentials have one of their own");
    tokio::time::advance(Duration::from_secs(3_600 - 301)).await;
    assert_eq!(text(&get(1).await), "token-1");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(text(&get(1).await), "token-3", "five minutes before its end");

    // One that is refused goes, and not the one that came instead.
    let refused = get(1).await;
    tokens.forget([1; 32], &refused).await;
    assert_eq!(text(&get(1).await), "token-4");
    tokens.forget([1; 32], &refused).await;
    assert_eq!(text(&get(1).await), "token-4");
    tokens.forget_all([1; 32]).await;
    assert_eq!(text(&get(1).await), "token-5");
    assert!(!format!("{tokens:?} {refused:?}").contains("token-"), "told to nobody");

    // A failure is nobody's token.
    let failed = tokens.get([3; 32], async { Err::<Granted, _>("busy") }).await;
    assert_eq!(failed.unwrap_err(), "busy");
    assert_eq!(text(&get(3).await), "token-6");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_read_as_it_comes() {
    for (lives, good_for) in [("900", 810), ("\"900\"", 810), ("\"86400\"", 86_100), ("null", 0)] {
        let (tokens, issuer) = (Tokens::default(), Issuer::default());
        let get = async || tokens.get([1; 32], issuer.issue(lives)).await.unwrap();
        get().await;
        if good_for > 0 {
            tokio::time::advance(Duration::from_secs(good_for - 1)).await;
            assert_eq!(text(&get().await), "token-1", "{lives}");
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(text(&get().await), "token-2", "{lives}");
    }
    for none in ["", "{}", r#"{"access_token": ""}"#, "<html>"] {
        assert!(Granted::read(none.as_bytes()).is_none(), "{none}");
    }
}

#[tokio::test]
async fn unused_tokens_make_room() {
    let (tokens, issuer) = (Tokens::default(), Issuer::default());
    let mut owner = [0; 32];
    for number in 0..10_001_u16 {
        owner[..2].copy_from_slice(&number.to_be_bytes());
        let granted = Granted::read(br#"{"access_token": "x", "expires_in": "3600"}"#).ok_or(());
        tokens.get(owner, async { granted }).await.unwrap();
    }
    assert_eq!(text(&tokens.get(owner, issuer.issue("\"3600\"")).await.unwrap()), "x");
    assert_eq!(text(&tokens.get([0; 32], issuer.issue("\"3600\"")).await.unwrap()), "token-1");
}

#[test]
fn never_more_than_five_changes_in_any_minute() {
    let clock = FakeRelativeClock::default();
    let lanes = RateLimiter::hashmap_with_clock(quota(), clock.clone());
    let mut let_through: Vec<u32> = Vec::new();
    for second in 0..600_u32 {
        while lanes.check_key(&[1; 32]).is_ok() {
            let_through.push(second);
        }
        clock.advance(Duration::from_secs(1));
    }
    for start in 0..600 {
        let window = let_through.iter().filter(|second| (start..start + 60).contains(*second));
        assert!(window.count() <= 5, "from second {start}: {let_through:?}");
    }
    assert!(let_through.len() >= 20, "and yet it goes on: {let_through:?}");

    let pace = Pace::default();
    assert!((0..3).all(|_| pace.next([1; 32]).is_ok()));
    let wait = pace.next([1; 32]).unwrap_err();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(30), "{wait:?}");
    assert!(pace.next([2; 32]).is_ok(), "each payment has a pace of its own");
}

#[test]
fn lanes_are_remembered_in_bounds() {
    let pace = Pace::default();
    let lane = |number: u32| {
        let mut lane = [0; 32];
        lane[..4].copy_from_slice(&number.to_be_bytes());
        lane
    };
    let crowd = (0..50_000).filter(|number| pace.next(lane(*number)).is_ok()).count();
    assert_eq!(crowd, 50_000);
    assert!(pace.next(lane(50_000)).is_err(), "one too many at once");
}
