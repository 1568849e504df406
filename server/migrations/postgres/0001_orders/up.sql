-- One row per database: which log a cursor belongs to.
CREATE TABLE store_epoch (
    one SMALLINT PRIMARY KEY CHECK (one = 1),
    epoch BYTEA NOT NULL
);

CREATE TABLE shops (
    shop_id BIGINT PRIMARY KEY NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    settings BYTEA NOT NULL,
    -- One of the settings, as the search for reservations that expire soon needs it; 0: none.
    expiry_warning_micros BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The lock of a shop: narrow, and written by every turn.
CREATE TABLE shop_heads (
    shop_id BIGINT PRIMARY KEY NOT NULL REFERENCES shops,
    revision BIGINT NOT NULL CHECK (revision >= 0),
    settings_revision BIGINT NOT NULL,
    next_order_number BIGINT NOT NULL CHECK (next_order_number >= 1),
    next_credit_number BIGINT NOT NULL CHECK (next_credit_number >= 1),
    next_id BIGINT NOT NULL CHECK (next_id >= 1),
    last_event_at BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE order_statuses (
    shop_id BIGINT NOT NULL REFERENCES shops,
    status_id BIGINT NOT NULL,
    slug TEXT NOT NULL,
    tag SMALLINT NOT NULL CHECK (tag BETWEEN 0 AND 3),
    position INTEGER NOT NULL,
    names BYTEA NOT NULL,
    replaced_by BIGINT,
    keeps_name BOOLEAN NOT NULL CHECK (replaced_by IS NOT NULL OR NOT keeps_name),
    revision BIGINT NOT NULL,
    PRIMARY KEY (shop_id, status_id)
);
CREATE UNIQUE INDEX order_statuses_slug ON order_statuses (shop_id, slug) WHERE replaced_by IS NULL;
CREATE UNIQUE INDEX order_statuses_default ON order_statuses (shop_id) WHERE tag = 1 AND replaced_by IS NULL;

-- The systems outside that a shop works with. Credentials are encrypted, and bound to shop and name.
CREATE TABLE integrations (
    shop_id BIGINT NOT NULL REFERENCES shops,
    slug TEXT NOT NULL,
    setup BYTEA NOT NULL,
    credentials BYTEA,
    credentials_set_at BIGINT,
    is_disabled BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (shop_id, slug),
    CHECK ((credentials IS NULL) = (credentials_set_at IS NULL))
);

-- order_key is shop_id * 2^40 + number: orders of a shop lie together, in the order of placing.
CREATE TABLE orders (
    order_key BIGINT PRIMARY KEY NOT NULL,
    shop_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    status_id BIGINT NOT NULL,
    pending BYTEA,
    currency TEXT NOT NULL,
    price_basis SMALLINT NOT NULL,
    net_minor BIGINT NOT NULL,
    vat_minor BIGINT NOT NULL,
    gross_minor BIGINT NOT NULL,
    payment_state SMALLINT NOT NULL,
    delivery_state SMALLINT NOT NULL,
    has_problem BOOLEAN NOT NULL,
    is_possible_duplicate BOOLEAN NOT NULL,
    needs_attention BOOLEAN NOT NULL,
    external_reference TEXT,
    language TEXT NOT NULL,
    customer_key TEXT NOT NULL,
    lines_fingerprint TEXT NOT NULL,
    original_number BIGINT,
    revision BIGINT NOT NULL,
    personal_version INTEGER NOT NULL,
    placed_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    completed_at BIGINT,
    cancelled_at BIGINT,
    deleted_at BIGINT,
    credit_number BIGINT,
    -- Days since 1970-01-01 in the shop's time zone.
    withdrawal_deadline INTEGER,
    refund_due INTEGER,
    handling BYTEA,
    CHECK (net_minor + vat_minor = gross_minor),
    CHECK (kind <> 1 OR gross_minor >= 0),
    CHECK (kind <> 2 OR gross_minor <= 0),
    CHECK ((kind = 2) = (original_number IS NOT NULL)),
    CHECK ((kind = 2) = (credit_number IS NOT NULL))
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX orders_external_reference ON orders (external_reference, shop_id) WHERE external_reference IS NOT NULL;
CREATE UNIQUE INDEX orders_credit_number ON orders (shop_id, credit_number) WHERE credit_number IS NOT NULL;
CREATE INDEX orders_original ON orders (shop_id, original_number) WHERE original_number IS NOT NULL;
CREATE INDEX orders_withdrawal_deadline ON orders (shop_id, withdrawal_deadline) WHERE withdrawal_deadline IS NOT NULL;
CREATE INDEX orders_refund_due ON orders (shop_id, refund_due) WHERE refund_due IS NOT NULL;
CREATE INDEX orders_revision ON orders (shop_id, revision);
CREATE INDEX orders_updated ON orders (shop_id, updated_at, order_key);
CREATE INDEX orders_gross ON orders (shop_id, gross_minor, order_key);
CREATE INDEX orders_status ON orders (shop_id, status_id, order_key);
CREATE INDEX orders_payment_state ON orders (shop_id, payment_state, order_key);
CREATE INDEX orders_problem ON orders (shop_id, order_key) WHERE has_problem;
CREATE INDEX orders_duplicate ON orders (shop_id, order_key) WHERE is_possible_duplicate;
-- Who bought the same shortly before.
CREATE INDEX orders_purchase ON orders (customer_key, lines_fingerprint, order_key) WHERE customer_key <> '';
CREATE INDEX orders_pending ON orders (shop_id, order_key) WHERE pending IS NOT NULL;

CREATE TABLE order_lines (
    order_key BIGINT NOT NULL REFERENCES orders,
    line_id INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    sku TEXT NOT NULL,
    title TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 0),
    unit_price_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL,
    vat_rate_bp INTEGER NOT NULL CHECK (vat_rate_bp BETWEEN 0 AND 10000),
    net_minor BIGINT NOT NULL,
    vat_minor BIGINT NOT NULL,
    gross_minor BIGINT NOT NULL,
    placed_quantity BIGINT NOT NULL,
    placed_vat_minor BIGINT NOT NULL,
    placed_gross_minor BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    captured BIGINT NOT NULL,
    credited BIGINT NOT NULL,
    credited_gross_minor BIGINT NOT NULL,
    credited_vat_minor BIGINT NOT NULL,
    original_line INTEGER,
    stock_taken BIGINT NOT NULL,
    stock_put_back BIGINT NOT NULL,
    PRIMARY KEY (order_key, line_id),
    CHECK (net_minor + vat_minor = gross_minor),
    CHECK (delivered BETWEEN 0 AND quantity),
    CHECK (captured BETWEEN 0 AND quantity),
    CHECK (credited BETWEEN 0 AND captured),
    CHECK (credited_gross_minor = 0 OR credited_gross_minor BETWEEN 0 AND gross_minor),
    CHECK (discount_minor >= 0 OR gross_minor <= 0),
    CHECK (stock_put_back BETWEEN 0 AND stock_taken)
);
CREATE INDEX order_lines_sku ON order_lines (sku, order_key) WHERE sku <> '';

-- Everything personal of an order, as the encoded part of its message; versions are only added.
CREATE TABLE customers (
    order_key BIGINT NOT NULL REFERENCES orders,
    version INTEGER NOT NULL,
    personal BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (order_key, version)
);

-- Which orders are a person's, by a keyed digest of what names them; every version counts.
CREATE TABLE customer_orders (
    person BYTEA NOT NULL,
    order_key BIGINT NOT NULL REFERENCES orders,
    PRIMARY KEY (person, order_key)
);

-- What the bookkeeping act keeps of an erased customer; no call reads it.
CREATE TABLE voucher_parties (
    order_key BIGINT PRIMARY KEY NOT NULL REFERENCES orders,
    party BYTEA NOT NULL,
    kept_until BIGINT NOT NULL
);
CREATE INDEX voucher_parties_kept_until ON voucher_parties (kept_until);

CREATE TABLE payments (
    payment_key BIGINT PRIMARY KEY NOT NULL,
    shop_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    currency TEXT NOT NULL,
    authorization_state SMALLINT NOT NULL,
    authorized_minor BIGINT NOT NULL CHECK (authorized_minor >= 0),
    captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
    capture_claimed_minor BIGINT NOT NULL CHECK (capture_claimed_minor >= 0),
    refunded_minor BIGINT NOT NULL CHECK (refunded_minor >= 0),
    refund_claimed_minor BIGINT NOT NULL CHECK (refund_claimed_minor >= 0),
    expires_at BIGINT,
    confirmed_at BIGINT,
    confirmed_by SMALLINT,
    -- When it is to be read at its provider next; whoever does moves it first.
    read_due_at BIGINT,
    needs_attention BOOLEAN NOT NULL,
    CHECK (captured_minor + capture_claimed_minor <= authorized_minor),
    CHECK (refunded_minor + refund_claimed_minor <= captured_minor)
);
CREATE UNIQUE INDEX payments_reference ON payments (reference, provider, shop_id) WHERE reference <> '';
CREATE INDEX payments_read_due ON payments (read_due_at) WHERE read_due_at IS NOT NULL;

CREATE TABLE order_payments (
    order_key BIGINT NOT NULL REFERENCES orders,
    payment_key BIGINT NOT NULL REFERENCES payments,
    position INTEGER NOT NULL,
    amount_minor BIGINT NOT NULL,
    is_live BOOLEAN NOT NULL,
    PRIMARY KEY (order_key, payment_key)
);
CREATE INDEX order_payments_payment ON order_payments (payment_key);

-- When the first reservation expires that an order needs; and the same of those nobody was told of.
CREATE TABLE order_expiries (
    order_key BIGINT PRIMARY KEY NOT NULL REFERENCES orders,
    shop_id BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    untold_at BIGINT
);
CREATE INDEX order_expiries_expires ON order_expiries (shop_id, expires_at);
CREATE INDEX order_expiries_untold ON order_expiries (shop_id, untold_at) WHERE untold_at IS NOT NULL;

CREATE TABLE payment_operations (
    operation_key BIGINT PRIMARY KEY NOT NULL,
    payment_key BIGINT NOT NULL REFERENCES payments,
    order_key BIGINT NOT NULL REFERENCES orders,
    kind SMALLINT NOT NULL,
    state SMALLINT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    requested_at BIGINT NOT NULL,
    resolved_at BIGINT,
    provider_reason TEXT,
    provider_reference TEXT,
    credit_number BIGINT
);
CREATE INDEX payment_operations_payment ON payment_operations (payment_key);

CREATE TABLE problems (
    problem_key BIGINT PRIMARY KEY NOT NULL,
    order_key BIGINT NOT NULL REFERENCES orders,
    code TEXT NOT NULL,
    details BYTEA NOT NULL,
    payment_id BIGINT,
    operation_id BIGINT,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX problems_order ON problems (order_key);
CREATE INDEX problems_open ON problems (problem_key, code) WHERE closed_at IS NULL;

CREATE TABLE order_duplicates (
    order_key BIGINT NOT NULL REFERENCES orders,
    other_number BIGINT NOT NULL,
    evidence SMALLINT NOT NULL,
    resolution SMALLINT NOT NULL,
    PRIMARY KEY (order_key, other_number)
);

CREATE TABLE deliveries (
    order_key BIGINT NOT NULL REFERENCES orders,
    delivery_id INTEGER NOT NULL CHECK (delivery_id >= 1),
    shipped_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    -- Days since 1970-01-01 in the shop's time zone; as stated.
    arrived_on INTEGER,
    cancelled_at BIGINT,
    carrier TEXT NOT NULL,
    tracking_number TEXT NOT NULL,
    tracking_url TEXT NOT NULL,
    PRIMARY KEY (order_key, delivery_id)
);

CREATE TABLE delivery_lines (
    order_key BIGINT NOT NULL,
    delivery_id INTEGER NOT NULL,
    line_id INTEGER NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    PRIMARY KEY (order_key, delivery_id, line_id),
    FOREIGN KEY (order_key, delivery_id) REFERENCES deliveries,
    FOREIGN KEY (order_key, line_id) REFERENCES order_lines
);

CREATE TABLE stock_items (
    shop_id BIGINT NOT NULL,
    sku TEXT NOT NULL,
    on_hand BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (shop_id, sku)
);

CREATE TABLE stock_movements (
    shop_id BIGINT NOT NULL,
    sku TEXT NOT NULL,
    revision BIGINT NOT NULL,
    line_id INTEGER NOT NULL,
    reason SMALLINT NOT NULL,
    quantity BIGINT NOT NULL,
    order_number BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (shop_id, sku, revision, line_id, reason)
);

-- Mails about orders, without address and text: those are in the version of the order's personal data.
CREATE TABLE mails (
    mail_key BIGINT PRIMARY KEY NOT NULL,
    order_key BIGINT NOT NULL REFERENCES orders,
    kind SMALLINT NOT NULL,
    state SMALLINT NOT NULL,
    has_form BOOLEAN NOT NULL,
    note_id INTEGER,
    files SMALLINT NOT NULL,
    is_to_old_address BOOLEAN NOT NULL,
    -- Of the order's personal data: who it goes to, and the note.
    personal_version INTEGER NOT NULL,
    -- A keyed digest of the address it goes to; empty once that was erased.
    recipient BYTEA NOT NULL,
    -- Of the event that tells of it: the order is described as it was after that command.
    revision BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    resolved_at BIGINT
);
CREATE INDEX mails_order ON mails (order_key);

-- Files that go with a mail, until it is sent.
CREATE TABLE mail_files (
    mail_key BIGINT PRIMARY KEY NOT NULL REFERENCES mails,
    files BYTEA NOT NULL
);

-- Orders that are handed over to accounting.
CREATE TABLE accounting_transfers (
    transfer_key BIGINT PRIMARY KEY NOT NULL,
    order_key BIGINT NOT NULL REFERENCES orders,
    integration TEXT NOT NULL,
    form SMALLINT NOT NULL,
    state SMALLINT NOT NULL,
    is_automatic BOOLEAN NOT NULL,
    sends_mail BOOLEAN NOT NULL,
    -- Of the order's personal data: who bought.
    personal_version INTEGER NOT NULL,
    -- Of the event that tells of it: the order is booked as it was after that command.
    revision BIGINT NOT NULL,
    -- Day on which it is booked, since 1970-01-01.
    book_day INTEGER NOT NULL,
    requested_at BIGINT NOT NULL,
    resolved_at BIGINT,
    -- What is known of it in the books.
    booked_order_id TEXT NOT NULL,
    booked_order_number TEXT NOT NULL,
    booked_invoice_id TEXT NOT NULL,
    booked_invoice_number TEXT NOT NULL,
    rounding_minor BIGINT NOT NULL,
    provider_reason TEXT
);
CREATE INDEX accounting_transfers_order ON accounting_transfers (order_key);
CREATE UNIQUE INDEX accounting_transfers_open ON accounting_transfers (order_key) WHERE state IN (1, 4);
CREATE UNIQUE INDEX accounting_transfers_invoiced ON accounting_transfers (order_key) WHERE form = 1 AND state = 2;

-- Who alone makes what a system has no key for and others would make as well, until then. The name
-- is a keyed hash: it tells nothing of whom it is about.
CREATE TABLE sole_makers (
    name BYTEA PRIMARY KEY NOT NULL,
    effect_key BIGINT NOT NULL,
    held_until BIGINT NOT NULL
);

-- Goods of orders at carriers. Who they go to stands in the order's personal data.
CREATE TABLE labels (
    label_key BIGINT PRIMARY KEY NOT NULL,
    order_key BIGINT NOT NULL REFERENCES orders,
    -- The integration that makes it.
    integration TEXT NOT NULL,
    delivery_id INTEGER,
    transport_agreement TEXT NOT NULL,
    product TEXT NOT NULL,
    parcel_weight_grams INTEGER NOT NULL,
    state SMALLINT NOT NULL,
    consignment_id TEXT,
    consignment_number TEXT NOT NULL,
    carrier TEXT NOT NULL,
    tracking_number TEXT NOT NULL,
    tracking_url TEXT NOT NULL,
    -- Where it was printed: an encoded record.
    prints BYTEA NOT NULL,
    requested_at BIGINT NOT NULL,
    resolved_at BIGINT,
    FOREIGN KEY (order_key, delivery_id) REFERENCES deliveries
);
CREATE INDEX labels_order ON labels (order_key);

-- The queue of what the outside world must do; the amount is frozen with the key.
CREATE TABLE effects (
    effect_key BIGINT PRIMARY KEY NOT NULL,
    shop_id BIGINT NOT NULL,
    -- Which kind of system does it, and so which kinds there are and what it is about.
    system SMALLINT NOT NULL,
    payment_key BIGINT REFERENCES payments,
    -- The integration that does it, of a payment its provider; mails name none.
    integration TEXT,
    order_key BIGINT NOT NULL REFERENCES orders,
    kind SMALLINT NOT NULL,
    state SMALLINT NOT NULL,
    attempt INTEGER NOT NULL,
    looks INTEGER NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    due_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    first_sent_at BIGINT,
    last_sent_at BIGINT,
    absent_seen_at BIGINT,
    -- When something was asked for of which nothing is known yet.
    doubted_at BIGINT,
    -- Why it is open, in the system's words or ours, of the last call or look-up that said so. Nothing
    -- personal.
    provider_reason TEXT,
    needs_attention BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    -- How long the system keeps the effect's key; nothing: it has none.
    key_window BIGINT CHECK (key_window > 0),
    CHECK ((system = 1) = (payment_key IS NOT NULL)),
    CHECK ((system = 2) = (integration IS NULL))
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX effects_in_flight ON effects (payment_key) WHERE state IN (1, 2, 3);
CREATE INDEX effects_open ON effects (payment_key, effect_key) WHERE state IN (0, 1, 2, 3);
CREATE INDEX effects_order ON effects (order_key) WHERE payment_key IS NULL AND state IN (0, 1, 2, 3);
CREATE INDEX effects_due ON effects (due_at) WHERE state IN (0, 1, 2, 3);

-- What providers told by themselves, for as long as anything may follow from it. Nothing personal.
CREATE TABLE webhooks (
    shop_id BIGINT NOT NULL REFERENCES shops,
    integration TEXT NOT NULL,
    -- The same for each copy of one of them.
    copy_key TEXT NOT NULL,
    payment_reference TEXT NOT NULL,
    -- Of our operation, where one is named.
    operation_key TEXT,
    event TEXT NOT NULL,
    is_success BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    happened_at BIGINT,
    received_at BIGINT NOT NULL,
    -- When it is followed up next; null: nothing follows from it any more.
    due_at BIGINT,
    tries INTEGER NOT NULL,
    PRIMARY KEY (shop_id, integration, copy_key)
);
CREATE INDEX webhooks_payment ON webhooks (payment_reference, integration, shop_id);
CREATE INDEX webhooks_due ON webhooks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhooks_received ON webhooks (received_at) WHERE due_at IS NULL;

-- The log: audit trail, stream and idempotency record are one.
CREATE TABLE events (
    shop_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    command_revision BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    order_number BIGINT,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    request_id BYTEA NOT NULL,
    content BYTEA,
    change BYTEA NOT NULL,
    document BYTEA,
    personal_version INTEGER,
    PRIMARY KEY (shop_id, revision)
);
CREATE UNIQUE INDEX events_request ON events (request_id, shop_id) WHERE content IS NOT NULL;
CREATE INDEX events_order ON events (shop_id, order_number, revision) WHERE order_number IS NOT NULL;

-- The words by which an order is found, each after its shop; written from the log, so it may lag behind.
CREATE TABLE order_search (
    order_key BIGINT PRIMARY KEY NOT NULL,
    words TSVECTOR NOT NULL
);
CREATE INDEX order_search_words ON order_search USING gin (words);

-- How far into a shop's log the words have come.
CREATE TABLE search_places (
    shop_id BIGINT PRIMARY KEY NOT NULL REFERENCES shops,
    revision BIGINT NOT NULL
);
