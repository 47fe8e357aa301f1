-- Times are microseconds since 1970, 0 the zero time; a bool is 0 or 1; lists are JSON text. Text is compared byte for
-- byte, so that no index depends on the locales of a machine.

-- +goose Up
CREATE TABLE mapae_users (
    id                BYTEA PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
    login             TEXT COLLATE "C" NOT NULL,
    login_key         TEXT COLLATE "C" NOT NULL UNIQUE,
    email             TEXT COLLATE "C" NOT NULL,
    email_verified_at BIGINT NOT NULL,
    name              TEXT COLLATE "C" NOT NULL,
    locale            TEXT COLLATE "C" NOT NULL,
    external_id       TEXT COLLATE "C" NOT NULL,
    epoch             BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    disabled_at       BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX mapae_users_external_id ON mapae_users (external_id) WHERE external_id <> '';

-- Each use writes counter and times again: room in the page keeps that out of the indexes.
CREATE TABLE mapae_credentials (
    id                      BYTEA PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 1023),
    user_id                 BYTEA NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    sign_count              BIGINT NOT NULL,
    last_used_at            BIGINT NOT NULL,
    backup_eligible         BIGINT NOT NULL,
    backup_state            BIGINT NOT NULL,
    last_used_agent         TEXT COLLATE "C" NOT NULL,
    public_key              BYTEA NOT NULL,
    algorithm               BIGINT NOT NULL,
    uv_initialized          BIGINT NOT NULL,
    first_factor            BIGINT NOT NULL,
    transports              TEXT COLLATE "C" NOT NULL,
    aaguid                  BYTEA NOT NULL,
    rp_id                   TEXT COLLATE "C" NOT NULL,
    name                    TEXT COLLATE "C" NOT NULL,
    created_at              BIGINT NOT NULL,
    suspended_at            BIGINT NOT NULL DEFAULT 0,
    attestation_format      TEXT COLLATE "C" NOT NULL,
    attestation_object      BYTEA NOT NULL,
    attestation_client_data BYTEA NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX mapae_credentials_user ON mapae_credentials (user_id);

-- IDs begin with the time of creation, so new rows are appended.
CREATE TABLE mapae_sessions (
    id           BYTEA PRIMARY KEY,
    token_hash   BYTEA NOT NULL,
    user_id      BYTEA NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    epoch        BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    idle_ends_at BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    app          BIGINT NOT NULL,
    uses         TEXT COLLATE "C" NOT NULL,
    address      TEXT COLLATE "C" NOT NULL,
    user_agent   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX mapae_sessions_user ON mapae_sessions (user_id);

-- One-time things that were used, in the order of their ends.
CREATE TABLE mapae_spent (
    ends_at BIGINT NOT NULL,
    kind    BIGINT NOT NULL,
    id      BYTEA NOT NULL,
    PRIMARY KEY (ends_at, kind, id)
);

-- The newest end of each kind that was swept from mapae_spent.
CREATE TABLE mapae_swept (
    kind    BIGINT PRIMARY KEY,
    ends_at BIGINT NOT NULL
);

-- What a user knows or holds besides credentials, one row each: the hash of a password, a sealed TOTP key and the last
-- step that was used, the keyed hash of a recovery code. used_at is 0 until a code is spent; key_id names the root key.
CREATE TABLE mapae_secrets (
    id         BYTEA PRIMARY KEY,
    user_id    BYTEA NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    kind       TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL,
    key_id     TEXT COLLATE "C" NOT NULL,
    step       BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);
CREATE INDEX mapae_secrets_user ON mapae_secrets (user_id, kind);

-- Wrong proofs in a row, under a keyed hash that tells neither account nor name. until: no try is taken before.
CREATE TABLE mapae_failures (
    key_hash BYTEA PRIMARY KEY,
    count    BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX mapae_failures_at ON mapae_failures (at);

-- Recoveries that wait, one a user at most, with the SHA-256 of what their claimants hold.
CREATE TABLE mapae_recoveries (
    user_id    BYTEA PRIMARY KEY REFERENCES mapae_users (id) ON DELETE CASCADE,
    claim_hash BYTEA NOT NULL UNIQUE,
    proof      TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    ready_at   BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL
);
CREATE INDEX mapae_recoveries_end ON mapae_recoveries (ends_at);

-- Accounts elsewhere that a user can sign in with.
CREATE TABLE mapae_identities (
    provider     TEXT COLLATE "C" NOT NULL,
    subject      TEXT COLLATE "C" NOT NULL,
    user_id      BYTEA NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    email        TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX mapae_identities_user ON mapae_identities (user_id);

-- Mail that is to be sent, in the order in which it was written.
CREATE TABLE mapae_outbox (
    id         BYTEA PRIMARY KEY,
    user_id    BYTEA NOT NULL,
    recipient  TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    locale     TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    last_error TEXT COLLATE "C" NOT NULL
);
CREATE INDEX mapae_outbox_due ON mapae_outbox (due_at);

-- Events outlive their user. IDs begin with the time, so new rows are appended.
CREATE TABLE mapae_events (
    id            BYTEA PRIMARY KEY,
    user_id       BYTEA NOT NULL,
    at            BIGINT NOT NULL,
    type          TEXT COLLATE "C" NOT NULL,
    session_id    BYTEA NOT NULL,
    method        TEXT COLLATE "C" NOT NULL,
    credential_id BYTEA NOT NULL,
    reason        TEXT COLLATE "C" NOT NULL,
    address       TEXT COLLATE "C" NOT NULL,
    user_agent    TEXT COLLATE "C" NOT NULL,
    request_id    TEXT COLLATE "C" NOT NULL,
    app           BIGINT NOT NULL
);
CREATE INDEX mapae_events_user ON mapae_events (user_id, id);

-- The root keys that things here were sealed under, by name, with a value that proves the key and tells nothing of it.
CREATE TABLE mapae_keys (
    id          TEXT COLLATE "C" PRIMARY KEY,
    check_value BYTEA NOT NULL
);
