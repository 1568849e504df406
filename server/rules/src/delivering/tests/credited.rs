//! What was credited is sent no more, and what was sent is credited first.

use crate::fixtures::script::check;

#[test]
fn what_was_credited_before_it_was_sent_is_not_sent() {
    check(
        "
        shop delivers-apart
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1                => capture!k1=100:succeeded status:sent
        credit A C units=1 no => credited:50 | C: created
        deliver A 2           => REFUSED DELIVERY_EXCEEDS_ORDERED line=1 asked=2 left=1 left_by_line=1=1
        deliver A             => delivered
        deliver A             => REFUSED DELIVERY_EXCEEDS_ORDERED left=0
        deliver A 1           => REFUSED DELIVERY_EXCEEDS_ORDERED line=1 asked=1 left=0 left_by_line=1=0
        credit A D units=1 no => credited:50 | D: created
        deliver A             => REFUSED DELIVERY_EXCEEDS_ORDERED left=0
        deliveries A          => 1:1=50*
        ",
    );
    // Captured in the portal, and credited there and then: COMPLETED sends the rest alone.
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        at 100
        read k1 held 100 captured=100
        credit A C units=1 yes => credited:50 refund?k1=50:C | C: created
        A sent                 => status:sent delivered
        deliveries A           => 1:1=50*
        deliver A              => REFUSED DELIVERY_EXCEEDS_ORDERED left=0
        place B 100 klarna:k2=100
        yes k2
        read k2 held 100 captured=100
        credit B D units=2 yes
        B sent                 => status:sent
        deliveries B           =>
        ",
    );
    // Captured per delivery: nothing is waited for that does not come.
    check(
        "
        shop per-delivery delivers-apart
        place A 100 klarna:k1=100
        yes k1
        at 100
        read k1 held 100 captured=100
        credit A C units=1 no
        A sent    => REFUSED NOT_DELIVERED
        deliver A => delivered
        A sent    => status:sent
        ",
    );
}

#[test]
fn what_was_sent_and_came_back_leaves_the_rest_to_be_sent() {
    check(
        "
        shop delivers-apart
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        deliver A 1           => delivered
        credit A C units=1 no => credited:50 | C: created
        deliver A             => delivered
        deliveries A          => 1:1=50* 2:1=50*
        deliver A             => REFUSED DELIVERY_EXCEEDS_ORDERED left=0
        ",
    );
}
