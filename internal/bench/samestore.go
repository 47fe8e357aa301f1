package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// sameStore gives the bare loop the very SQL that Mapae runs, with rows as long:
// tables, indexes, event and all.
type sameStore struct{ mapae.Store }

// padding makes an uncompressed point as long as a COSE key.
var padding [12]byte

func (s sameStore) add(e enrollment) error {
	ctx := context.Background()
	return s.Update(ctx, func(tx mapae.Tx) error {
		login := hex.EncodeToString(e.User[:8]) + "@example.com"
		u := mapae.User{ID: mapae.UserID(e.User), Login: login, LoginKey: login, Email: login, Name: "User 1000", Locale: "en", CreatedAt: time.Now()}
		if err := tx.AddUser(ctx, u); err != nil {
			return err
		}
		return tx.AddCredential(ctx, mapae.Credential{UserID: u.ID, RPID: "localhost", Name: "Passkey", FirstFactor: true, CreatedAt: u.CreatedAt,
			Credential: webauthn.Credential{ID: e.ID, PublicKey: slices.Concat(e.PublicKey, padding[:]), Algorithm: webauthn.ES256,
				Transports: []string{"hybrid", "internal"}, BackupEligible: true, BackupState: true, UVInitialized: true,
				AttestationFormat: "none"}})
	})
}

func (s sameStore) credential(id []byte) (credential, error) {
	c, u, err := s.Credential(context.Background(), id)
	return credential{id: id, user: []byte(u.ID), publicKey: c.PublicKey[:max(0, len(c.PublicKey)-len(padding))]}, err
}

func (s sameStore) admit(j *session) error {
	const life = 30 * 24 * time.Hour
	user := mapae.UserID(j.user)
	at := string(binary.BigEndian.AppendUint64(nil, uint64(j.now.UnixMicro())))
	id := mapae.SessionID(at + string(j.hash[:8]))
	a := mapae.Admission{
		Spend: &mapae.Spend{Kind: mapae.SpendChallenge, ID: j.nonce, Until: time.UnixMicro(j.until)},
		Use:   &mapae.CredentialUse{ID: j.id, UserID: user, SignCount: uint32(j.count), At: j.now, Agent: j.agent},
		Session: mapae.Session{ID: id, TokenHash: [32]byte(j.hash), UserID: user,
			Uses:      []mapae.Use{{Method: mapae.MethodPasskey, At: j.now, Credential: j.id, UserVerified: true}},
			CreatedAt: j.now, SeenAt: j.now, IdleEndsAt: j.now.Add(life), EndsAt: j.now.Add(life),
			Address: j.address, UserAgent: j.agent},
		Event: mapae.Event{ID: mapae.EventID(at + string(j.hash[8:16])), At: j.now, UserID: user, SessionID: id, Method: mapae.MethodPasskey, Credential: j.id,
			Address: j.address, UserAgent: j.agent, RequestID: hex.EncodeToString(j.nonce[:16])},
	}
	a.Outcomes[mapae.VerdictAdmitted].Type = mapae.EventSignIn
	v, err := s.Admit(context.Background(), a)
	if err == nil && !v.Admitted() {
		return fmt.Errorf("verdict %v", v)
	}
	return err
}
