-- Times are microseconds since 1970, 0 the zero time; a bool is 0 or 1; lists are JSON text.

-- +goose Up
CREATE TABLE mapae_users (
    id                BLOB PRIMARY KEY NOT NULL CHECK (length(id) BETWEEN 1 AND 64),
    login             TEXT NOT NULL,
    login_key         TEXT NOT NULL UNIQUE,
    email             TEXT NOT NULL,
    email_verified_at INTEGER NOT NULL,
    name              TEXT NOT NULL,
    locale            TEXT NOT NULL,
    external_id       TEXT NOT NULL,
    epoch             INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    disabled_at       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX mapae_users_external_id ON mapae_users (external_id) WHERE external_id <> '';

CREATE TABLE mapae_credentials (
    id                      BLOB PRIMARY KEY NOT NULL CHECK (length(id) BETWEEN 1 AND 1023),
    user_id                 BLOB NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    sign_count              INTEGER NOT NULL,
    last_used_at            INTEGER NOT NULL,
    backup_eligible         INTEGER NOT NULL,
    backup_state            INTEGER NOT NULL,
    last_used_agent         TEXT NOT NULL,
    public_key              BLOB NOT NULL,
    algorithm               INTEGER NOT NULL,
    uv_initialized          INTEGER NOT NULL,
    first_factor            INTEGER NOT NULL,
    transports              TEXT NOT NULL,
    aaguid                  BLOB NOT NULL,
    rp_id                   TEXT NOT NULL,
    name                    TEXT NOT NULL,
    created_at              INTEGER NOT NULL,
    suspended_at            INTEGER NOT NULL DEFAULT 0,
    attestation_format      TEXT NOT NULL,
    attestation_object      BLOB NOT NULL,
    attestation_client_data BLOB NOT NULL
) STRICT;
CREATE INDEX mapae_credentials_user ON mapae_credentials (user_id);

-- IDs begin with the time of creation, so new rows are appended.
CREATE TABLE mapae_sessions (
    id           BLOB PRIMARY KEY NOT NULL,
    token_hash   BLOB NOT NULL,
    user_id      BLOB NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    epoch        INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,
    idle_ends_at INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    app          INTEGER NOT NULL,
    uses         TEXT NOT NULL,
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mapae_sessions_user ON mapae_sessions (user_id);

-- One-time things that were used, in the order of their ends.
CREATE TABLE mapae_spent (
    ends_at INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    id      BLOB NOT NULL,
    PRIMARY KEY (ends_at, kind, id)
) STRICT, WITHOUT ROWID;

-- The newest end of each kind that was swept from mapae_spent.
CREATE TABLE mapae_swept (
    kind    INTEGER PRIMARY KEY NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;

-- What a user knows or holds besides credentials, one row each: the hash of a password, a sealed TOTP key and the last
-- step that was used, the keyed hash of a recovery code. used_at is 0 until a code is spent; key_id names the root key.
CREATE TABLE mapae_secrets (
    id         BLOB PRIMARY KEY NOT NULL,
    user_id    BLOB NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    data       BLOB NOT NULL,
    key_id     TEXT NOT NULL,
    step       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX mapae_secrets_user ON mapae_secrets (user_id, kind);

-- Wrong proofs in a row, under a keyed hash that tells neither account nor name. until: no try is taken before.
CREATE TABLE mapae_failures (
    key_hash BLOB PRIMARY KEY NOT NULL,
    count    INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mapae_failures_at ON mapae_failures (at);

-- Recoveries that wait, one a user at most, with the SHA-256 of what their claimants hold.
CREATE TABLE mapae_recoveries (
    user_id    BLOB PRIMARY KEY NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    claim_hash BLOB NOT NULL UNIQUE,
    proof      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ready_at   INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mapae_recoveries_end ON mapae_recoveries (ends_at);

-- Accounts elsewhere that a user can sign in with.
CREATE TABLE mapae_identities (
    provider     TEXT NOT NULL,
    subject      TEXT NOT NULL,
    user_id      BLOB NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    email        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX mapae_identities_user ON mapae_identities (user_id);

-- Mail that is to be sent, in the order in which it was written.
CREATE TABLE mapae_outbox (
    id         BLOB PRIMARY KEY NOT NULL,
    user_id    BLOB NOT NULL,
    recipient  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    locale     TEXT NOT NULL,
    data       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    last_error TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mapae_outbox_due ON mapae_outbox (due_at);

-- Events outlive their user. IDs begin with the time, so new rows are appended.
CREATE TABLE mapae_events (
    id            BLOB PRIMARY KEY NOT NULL,
    user_id       BLOB NOT NULL,
    at            INTEGER NOT NULL,
    type          TEXT NOT NULL,
    session_id    BLOB NOT NULL,
    method        TEXT NOT NULL,
    credential_id BLOB NOT NULL,
    reason        TEXT NOT NULL,
    address       TEXT NOT NULL,
    user_agent    TEXT NOT NULL,
    request_id    TEXT NOT NULL,
    app           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mapae_events_user ON mapae_events (user_id, id);

-- The root keys that things here were sealed under, by name, with a value that proves the key and tells nothing of it.
CREATE TABLE mapae_keys (
    id          TEXT PRIMARY KEY NOT NULL,
    check_value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
