//! Which tests took longest, told at the end, so that the run stays short.

use std::sync::Mutex;
use std::time::{Duration, Instant};

const TOLD: usize = 20;

static TAKEN: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());

pub(crate) fn note(test: &str, began: Instant) {
    TAKEN.lock().unwrap().push((began.elapsed(), test.to_owned()));
}

pub(crate) fn tell() {
    let mut taken = TAKEN.lock().unwrap();
    taken.sort_by(|one, other| other.cmp(one));
    println!("took longest:");
    for (time, test) in taken.iter().take(TOLD) {
        println!("{:>7} s  {test}", time.as_secs());
    }
}
