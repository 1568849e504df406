//! Warnings of reservations that end soon, as histories.

use super::*;
use crate::fixtures::script::check;

#[test]
fn a_reservation_is_announced_once_for_each_end_of_its_time() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        at 100
        read k1 held 100 expires=604800  => k1:Adopted(+EXPIRY_CHANGED=0/0) updated:k1
        warn A 3                         =>
        warn A 7                         => expiring:k1@604800 problem:RESERVATION_EXPIRING
        warn A 7                         =>
        dismiss A RESERVATION_EXPIRING   => dismissed:RESERVATION_EXPIRING
        warn A 7                         =>
        read k1 held 100 expires=950400  => k1:Adopted(+EXPIRY_CHANGED=0/0) updated:k1
        warn A 30                        => expiring:k1@950400 problem:RESERVATION_EXPIRING
        read k1 held 100 expires=1209600 => k1:Adopted(+EXPIRY_CHANGED=0/0) updated:k1 closed:RESERVATION_EXPIRING
        warn A 30                        => expiring:k1@1209600 problem:RESERVATION_EXPIRING
        A sent                           => requested:sent capture?k1=100 closed:RESERVATION_EXPIRING
        ",
    );
}

#[test]
fn what_ends_or_is_needed_no_longer_needs_no_warning() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        place B 100 klarna:k1=100
        at 100
        read k1 held 100 expires=86400      => k1:Adopted(+EXPIRY_CHANGED=0/0) updated:k1
        warn A 3                            => expiring:k1@86400 problem:RESERVATION_EXPIRING
        warn B 3                            => expiring:k1@86400 problem:RESERVATION_EXPIRING
        A cancelled keep                    => status:cancelled closed:RESERVATION_EXPIRING dropped:b | B: kept:a
        read k1 expired 100 released=100    => k1:Adopted(+EXPIRED=100/0) updated:k1 problem:RESERVATION_EXPIRED closed:RESERVATION_EXPIRING
        warn B 3                            =>
        ",
    );
}

#[test]
fn times_are_written_to_the_second() {
    for (micros, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (1_798_020_000_500_000, "2026-12-23T10:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ] {
        assert_eq!(written(Micros(micros)), text);
    }
}
