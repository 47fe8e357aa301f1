-- email_key is the canonical form of an address that its user has proven. Where the address is what the user signs in
-- with, the canonical form is known; elsewhere it is set when the address is proven again.

-- +goose Up
ALTER TABLE mapae_users ADD COLUMN email_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE mapae_users ADD COLUMN frozen_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mapae_users ADD COLUMN offer_after BIGINT NOT NULL DEFAULT 0;
UPDATE mapae_users SET email_key = login_key WHERE email_verified_at <> 0 AND email <> '' AND email = login;
CREATE UNIQUE INDEX mapae_users_email_key ON mapae_users (email_key) WHERE email_key <> '';

CREATE INDEX mapae_outbox_user ON mapae_outbox (user_id);
