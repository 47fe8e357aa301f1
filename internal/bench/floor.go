package main

import (
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/mapae/mapae/internal/load"
)

// floor is the bare loop.
type floor struct {
	origin string
	aead   cipher.AEAD
	store  engine
}

// engine is what the bare loop keeps its accounts in.
type engine interface {
	add(enrollment) error
	credential(id []byte) (credential, error)
	admit(*session) error
}

// openBare opens the bare loop with the least SQL that a sign-in needs.
func openBare(path, origin string) (*http.Server, string, io.Closer, error) {
	store, err := openFloorStore(path)
	if err != nil {
		return nil, "", nil, err
	}
	settings, err := engineOf(path)
	return newLoop(store, origin), settings, store, err
}

// openFloor opens the bare loop with the SQL that Mapae runs.
func openFloor(path, origin string) (*http.Server, string, io.Closer, error) {
	store, settings, err := openSQLite(path)
	if err != nil {
		return nil, "", nil, err
	}
	return newLoop(sameStore{store}, origin), settings, store, nil
}

// openPostgresFloor is the same on the PostgreSQL database whose URL is the text
// of the file at path.
func openPostgresFloor(path, origin string) (*http.Server, string, io.Closer, error) {
	store, settings, err := openServer(path)
	if err != nil {
		return nil, "", nil, err
	}
	return newLoop(sameStore{store}, origin), settings, store, nil
}

func newLoop(store engine, origin string) *http.Server {
	key := make([]byte, chacha20poly1305.KeySize)
	rand.Read(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err) // the key has the wrong length
	}
	f := &floor{origin: origin, aead: aead, store: store}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /enroll", f.enroll)
	mux.HandleFunc("GET "+load.OptionsPath, f.options)
	mux.HandleFunc("POST "+load.VerifyPath, f.verify)
	return &http.Server{Handler: mux}
}

// enrollment is what the generator tells the floor about an account.
type enrollment struct{ ID, User, PublicKey []byte }

func (f *floor) enroll(w http.ResponseWriter, r *http.Request) {
	var e enrollment
	err := json.NewDecoder(r.Body).Decode(&e)
	if err == nil {
		err = f.store.add(e)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

const challengeLife = 5 * time.Minute

// options answers a sealed challenge: the nonce, and the time at which it ends.
func (f *floor) options(w http.ResponseWriter, _ *http.Request) {
	sealed := make([]byte, f.aead.NonceSize(), 128)
	rand.Read(sealed)
	var plain [8]byte
	binary.BigEndian.PutUint64(plain[:], uint64(time.Now().Add(challengeLife).UnixMicro()))
	sealed = f.aead.Seal(sealed, sealed, plain[:], nil)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"success":true,"request_options":{"publicKey":{"challenge":"%s","timeout":300000,"rpId":"localhost","userVerification":"preferred"}}}`,
		base64.RawURLEncoding.EncodeToString(sealed))
}

// assertion is the part of an AuthenticationResponseJSON that is looked at.
type assertion struct {
	Credential struct {
		ID       string `json:"id"`
		Response struct {
			ClientDataJSON    string `json:"clientDataJSON"`
			AuthenticatorData string `json:"authenticatorData"`
			Signature         string `json:"signature"`
		} `json:"response"`
	} `json:"credential"`
}

// verify finishes a sign-in.
func (f *floor) verify(w http.ResponseWriter, r *http.Request) {
	token, err := f.signIn(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: token, HttpOnly: true, Path: "/"})
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"success":true}`)
}

func (f *floor) signIn(r *http.Request) (token string, err error) {
	var a assertion
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		return "", err
	}
	id, err1 := base64.RawURLEncoding.DecodeString(a.Credential.ID)
	clientData, err2 := base64.RawURLEncoding.DecodeString(a.Credential.Response.ClientDataJSON)
	authData, err3 := base64.RawURLEncoding.DecodeString(a.Credential.Response.AuthenticatorData)
	signature, err4 := base64.RawURLEncoding.DecodeString(a.Credential.Response.Signature)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return "", err
	}
	s := session{agent: r.UserAgent()}
	if s.address, _, err = net.SplitHostPort(r.RemoteAddr); err != nil {
		return "", err
	}
	if s.nonce, s.until, err = f.checkClientData(clientData); err != nil {
		return "", err
	}
	if s.credential, err = f.store.credential(id); err != nil {
		return "", err
	}
	if s.count, err = checkSignature(s.publicKey, authData, clientData, signature); err != nil {
		return "", err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	hash := sha256.Sum256(secret)
	s.hash, s.now = hash[:], time.Now()
	return base64.RawURLEncoding.EncodeToString(secret), f.store.admit(&s)
}

// checkClientData opens the challenge and returns its nonce and end.
func (f *floor) checkClientData(raw []byte) (nonce []byte, until int64, err error) {
	var c struct{ Type, Challenge, Origin string }
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, 0, err
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Challenge)
	if err != nil || len(sealed) < f.aead.NonceSize() || c.Type != "webauthn.get" || c.Origin != f.origin {
		return nil, 0, errors.New("client data")
	}
	nonce = sealed[:f.aead.NonceSize()]
	plain, err := f.aead.Open(nil, nonce, sealed[len(nonce):], nil)
	if err != nil {
		return nil, 0, err
	}
	until = int64(binary.BigEndian.Uint64(plain))
	if time.Now().UnixMicro() > until {
		return nil, 0, errors.New("expired")
	}
	return nonce, until, nil
}

// checkSignature verifies an ES256 assertion and returns its counter.
func checkSignature(publicKey, authData, clientData, signature []byte) (count int64, err error) {
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), publicKey)
	if err != nil {
		return 0, err
	}
	rp := sha256.Sum256([]byte("localhost"))
	if len(authData) != 37 || [32]byte(authData[:32]) != rp || authData[32]&1 == 0 {
		return 0, errors.New("authenticator data")
	}
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(append(authData, hash[:]...))
	if !ecdsa.VerifyASN1(key, digest[:], signature) {
		return 0, errors.New("signature")
	}
	return int64(binary.BigEndian.Uint32(authData[33:37])), nil
}
