//! 9.4: for how long goods are missing.

use crate::fixtures::script::check;

#[test]
fn goods_that_have_left_are_oversold_no_more() {
    check(
        "
        stock mug 1
        place A 100 klarna:k1=100
        yes k1
        deliver A 1       => delivered
        state A           => default Authorized OVERSOLD
        deliver A         => delivered closed:OVERSOLD
        stock mug         => -1
        place B 100 klarna:k2=100
        yes k2
        B sent            => requested:sent capture?k2=100
        yes k2            => capture!k2=100:succeeded status:sent delivered closed:OVERSOLD
        ",
    );
}

#[test]
fn goods_that_were_credited_are_wanted_no_more() {
    check(
        "
        shop delivers-apart
        stock mug 1
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1                => capture!k1=100:succeeded status:sent
        credit A C units=1 no => credited:50 | C: created
        state A               => sent Captured OVERSOLD
        credit A D units=1 no => credited:50 closed:OVERSOLD | D: created
        ",
    );
}

#[test]
fn goods_that_stayed_out_are_still_oversold_when_the_order_comes_back() {
    check(
        "
        stock mug 1
        place A 100 klarna:k1=100
        no k1
        A cancelled keep => status:cancelled closed:OVERSOLD closed:AUTHORIZATION_DECLINED
        A processing     => status:processing problem:OVERSOLD problem:AUTHORIZATION_DECLINED
        A cancelled keep => status:cancelled closed:OVERSOLD closed:AUTHORIZATION_DECLINED
        stock mug 0
        A processing     => status:processing problem:AUTHORIZATION_DECLINED
        ",
    );
}
