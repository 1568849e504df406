//! The tables as diesel sees them; the migrations make them.

diesel::table! {
    store_epoch (one) {
        one -> SmallInt,
        epoch -> Binary,
    }
}

diesel::table! {
    shops (shop_id) {
        shop_id -> BigInt,
        slug -> Text,
        display_name -> Text,
        settings -> Binary,
        expiry_warning_micros -> BigInt,
        revision -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    shop_heads (shop_id) {
        shop_id -> BigInt,
        revision -> BigInt,
        settings_revision -> BigInt,
        next_order_number -> BigInt,
        next_credit_number -> BigInt,
        next_id -> BigInt,
        last_event_at -> BigInt,
    }
}

diesel::table! {
    order_statuses (shop_id, status_id) {
        shop_id -> BigInt,
        status_id -> BigInt,
        slug -> Text,
        tag -> SmallInt,
        position -> Integer,
        names -> Binary,
        replaced_by -> Nullable<BigInt>,
        keeps_name -> Bool,
        revision -> BigInt,
    }
}

diesel::table! {
    integrations (shop_id, slug) {
        shop_id -> BigInt,
        slug -> Text,
        setup -> Binary,
        credentials -> Nullable<Binary>,
        credentials_set_at -> Nullable<BigInt>,
        is_disabled -> Bool,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    orders (order_key) {
        order_key -> BigInt,
        shop_id -> BigInt,
        number -> BigInt,
        kind -> SmallInt,
        status_id -> BigInt,
        pending -> Nullable<Binary>,
        currency -> Text,
        price_basis -> SmallInt,
        net_minor -> BigInt,
        vat_minor -> BigInt,
        gross_minor -> BigInt,
        payment_state -> SmallInt,
        delivery_state -> SmallInt,
        has_problem -> Bool,
        is_possible_duplicate -> Bool,
        needs_attention -> Bool,
        external_reference -> Nullable<Text>,
        language -> Text,
        customer_key -> Text,
        lines_fingerprint -> Text,
        original_number -> Nullable<BigInt>,
        revision -> BigInt,
        personal_version -> Integer,
        placed_at -> BigInt,
        updated_at -> BigInt,
        completed_at -> Nullable<BigInt>,
        cancelled_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        credit_number -> Nullable<BigInt>,
        withdrawal_deadline -> Nullable<Integer>,
        refund_due -> Nullable<Integer>,
        handling -> Nullable<Binary>,
    }
}

diesel::table! {
    order_lines (order_key, line_id) {
        order_key -> BigInt,
        line_id -> Integer,
        kind -> SmallInt,
        sku -> Text,
        title -> Text,
        quantity -> BigInt,
        unit_price_minor -> BigInt,
        discount_minor -> BigInt,
        vat_rate_bp -> Integer,
        net_minor -> BigInt,
        vat_minor -> BigInt,
        gross_minor -> BigInt,
        placed_quantity -> BigInt,
        placed_vat_minor -> BigInt,
        placed_gross_minor -> BigInt,
        delivered -> BigInt,
        captured -> BigInt,
        credited -> BigInt,
        credited_gross_minor -> BigInt,
        credited_vat_minor -> BigInt,
        original_line -> Nullable<Integer>,
        stock_taken -> BigInt,
        stock_put_back -> BigInt,
    }
}

diesel::table! {
    customers (order_key, version) {
        order_key -> BigInt,
        version -> Integer,
        personal -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    customer_orders (person, order_key) {
        person -> Binary,
        order_key -> BigInt,
    }
}

diesel::table! {
    voucher_parties (order_key) {
        order_key -> BigInt,
        party -> Binary,
        kept_until -> BigInt,
    }
}

diesel::table! {
    payments (payment_key) {
        payment_key -> BigInt,
        shop_id -> BigInt,
        provider -> Text,
        reference -> Text,
        currency -> Text,
        authorization_state -> SmallInt,
        authorized_minor -> BigInt,
        captured_minor -> BigInt,
        capture_claimed_minor -> BigInt,
        refunded_minor -> BigInt,
        refund_claimed_minor -> BigInt,
        expires_at -> Nullable<BigInt>,
        confirmed_at -> Nullable<BigInt>,
        confirmed_by -> Nullable<SmallInt>,
        read_due_at -> Nullable<BigInt>,
        needs_attention -> Bool,
    }
}

diesel::table! {
    order_payments (order_key, payment_key) {
        order_key -> BigInt,
        payment_key -> BigInt,
        position -> Integer,
        amount_minor -> BigInt,
        is_live -> Bool,
    }
}

diesel::table! {
    order_expiries (order_key) {
        order_key -> BigInt,
        shop_id -> BigInt,
        expires_at -> BigInt,
        untold_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    payment_operations (operation_key) {
        operation_key -> BigInt,
        payment_key -> BigInt,
        order_key -> BigInt,
        kind -> SmallInt,
        state -> SmallInt,
        amount_minor -> BigInt,
        requested_at -> BigInt,
        resolved_at -> Nullable<BigInt>,
        provider_reason -> Nullable<Text>,
        provider_reference -> Nullable<Text>,
        credit_number -> Nullable<BigInt>,
    }
}

diesel::table! {
    problems (problem_key) {
        problem_key -> BigInt,
        order_key -> BigInt,
        code -> Text,
        details -> Binary,
        payment_id -> Nullable<BigInt>,
        operation_id -> Nullable<BigInt>,
        opened_at -> BigInt,
        closed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    order_duplicates (order_key, other_number) {
        order_key -> BigInt,
        other_number -> BigInt,
        evidence -> SmallInt,
        resolution -> SmallInt,
    }
}

diesel::table! {
    deliveries (order_key, delivery_id) {
        order_key -> BigInt,
        delivery_id -> Integer,
        shipped_at -> BigInt,
        recorded_at -> BigInt,
        arrived_on -> Nullable<Integer>,
        cancelled_at -> Nullable<BigInt>,
        carrier -> Text,
        tracking_number -> Text,
        tracking_url -> Text,
    }
}

diesel::table! {
    delivery_lines (order_key, delivery_id, line_id) {
        order_key -> BigInt,
        delivery_id -> Integer,
        line_id -> Integer,
        quantity -> BigInt,
    }
}

diesel::table! {
    stock_items (shop_id, sku) {
        shop_id -> BigInt,
        sku -> Text,
        on_hand -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    stock_movements (shop_id, sku, revision, line_id, reason) {
        shop_id -> BigInt,
        sku -> Text,
        revision -> BigInt,
        line_id -> Integer,
        reason -> SmallInt,
        quantity -> BigInt,
        order_number -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    mails (mail_key) {
        mail_key -> BigInt,
        order_key -> BigInt,
        kind -> SmallInt,
        state -> SmallInt,
        has_form -> Bool,
        note_id -> Nullable<Integer>,
        files -> SmallInt,
        is_to_old_address -> Bool,
        personal_version -> Integer,
        recipient -> Binary,
        revision -> BigInt,
        message_id -> Text,
        requested_at -> BigInt,
        resolved_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    accounting_transfers (transfer_key) {
        transfer_key -> BigInt,
        order_key -> BigInt,
        integration -> Text,
        form -> SmallInt,
        state -> SmallInt,
        is_automatic -> Bool,
        sends_mail -> Bool,
        personal_version -> Integer,
        revision -> BigInt,
        book_day -> Integer,
        requested_at -> BigInt,
        resolved_at -> Nullable<BigInt>,
        booked_order_id -> Text,
        booked_order_number -> Text,
        booked_invoice_id -> Text,
        booked_invoice_number -> Text,
        rounding_minor -> BigInt,
        provider_reason -> Nullable<Text>,
    }
}

diesel::table! {
    mail_files (mail_key) {
        mail_key -> BigInt,
        files -> Binary,
    }
}

diesel::table! {
    labels (label_key) {
        label_key -> BigInt,
        order_key -> BigInt,
        integration -> Text,
        delivery_id -> Nullable<Integer>,
        transport_agreement -> Text,
        product -> Text,
        parcel_weight_grams -> Integer,
        state -> SmallInt,
        consignment_id -> Nullable<Text>,
        consignment_number -> Text,
        carrier -> Text,
        tracking_number -> Text,
        tracking_url -> Text,
        prints -> Binary,
        requested_at -> BigInt,
        resolved_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    effects (effect_key) {
        effect_key -> BigInt,
        shop_id -> BigInt,
        system -> SmallInt,
        payment_key -> Nullable<BigInt>,
        integration -> Nullable<Text>,
        order_key -> BigInt,
        kind -> SmallInt,
        state -> SmallInt,
        attempt -> Integer,
        looks -> Integer,
        amount_minor -> BigInt,
        due_at -> BigInt,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        first_sent_at -> Nullable<BigInt>,
        last_sent_at -> Nullable<BigInt>,
        absent_seen_at -> Nullable<BigInt>,
        doubted_at -> Nullable<BigInt>,
        provider_reason -> Nullable<Text>,
        needs_attention -> Bool,
        created_at -> BigInt,
        key_window -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhooks (shop_id, integration, copy_key) {
        shop_id -> BigInt,
        integration -> Text,
        copy_key -> Text,
        payment_reference -> Text,
        operation_key -> Nullable<Text>,
        event -> Text,
        is_success -> Bool,
        reason -> Text,
        amount_minor -> BigInt,
        currency -> Text,
        provider_reference -> Text,
        happened_at -> Nullable<BigInt>,
        received_at -> BigInt,
        due_at -> Nullable<BigInt>,
        tries -> Integer,
    }
}

diesel::table! {
    events (shop_id, revision) {
        shop_id -> BigInt,
        revision -> BigInt,
        command_revision -> BigInt,
        kind -> SmallInt,
        order_number -> Nullable<BigInt>,
        actor -> Text,
        created_at -> BigInt,
        request_id -> Binary,
        content -> Nullable<Binary>,
        change -> Binary,
        document -> Nullable<Binary>,
        personal_version -> Nullable<Integer>,
    }
}

diesel::table! {
    search_places (shop_id) {
        shop_id -> BigInt,
        revision -> BigInt,
    }
}

diesel::table! {
    sole_makers (name) {
        name -> Binary,
        effect_key -> BigInt,
        held_until -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    search_places,
    store_epoch,
    shops,
    shop_heads,
    order_statuses,
    integrations,
    orders,
    order_lines,
    customers,
    customer_orders,
    voucher_parties,
    payments,
    order_payments,
    order_expiries,
    payment_operations,
    problems,
    order_duplicates,
    deliveries,
    delivery_lines,
    stock_items,
    stock_movements,
    mails,
    mail_files,
    accounting_transfers,
    sole_makers,
    webhooks,
    labels,
    effects,
    events,
);
