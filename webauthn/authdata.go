package webauthn

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/mapae/mapae/internal/cbor"
)

// The flags of authenticator data (§6.1).
const (
	flagUserPresent    = 1 << 0
	flagUserVerified   = 1 << 2
	flagBackupEligible = 1 << 3
	flagBackupState    = 1 << 4
	flagAttestedData   = 1 << 6
	flagExtensionData  = 1 << 7
)

// authData is authenticator data (§6.1). Its slices share memory with the input.
type authData struct {
	rpIDHash  []byte
	flags     byte
	signCount uint32

	// Attested credential data (§6.5.2); the credential ID is nil where there is none.
	aaguid       AAGUID
	credentialID []byte
	publicKey    []byte // a CBOR map, not judged as a key yet
	key          cbor.Map

	extensions []byte // a CBOR map, or nil
}

func (d *authData) has(flag byte) bool { return d.flags&flag != 0 }

// authDataHeader is the length of RP ID hash, flags and counter.
const authDataHeader = 37

var (
	errAuthDataShort    = errors.New("authenticator data ends too early")
	errAuthDataTrailing = errors.New("authenticator data goes on after its end")
)

// readAuthData reads authenticator data, whose parts must be those that its
// flags tell, with nothing left over. Reserved flags are ignored.
func readAuthData(raw []byte) (*authData, error) {
	if len(raw) < authDataHeader {
		return nil, errAuthDataShort
	}
	d := &authData{rpIDHash: raw[:32], flags: raw[32], signCount: binary.BigEndian.Uint32(raw[33:])}
	rest := raw[authDataHeader:]
	var err error
	if d.has(flagAttestedData) {
		if rest, err = d.readAttested(rest); err != nil {
			return nil, err
		}
	}
	if d.has(flagExtensionData) {
		before := rest
		if _, rest, err = cbor.ReadMap(rest); err != nil {
			return nil, err
		}
		d.extensions = before[:len(before)-len(rest)]
	}
	if len(rest) > 0 {
		return nil, errAuthDataTrailing
	}
	return d, nil
}

func (d *authData) readAttested(data []byte) (rest []byte, err error) {
	if len(data) < len(d.aaguid)+2 {
		return nil, errAuthDataShort
	}
	data = data[copy(d.aaguid[:], data):]
	length := int(binary.BigEndian.Uint16(data))
	if data = data[2:]; len(data) < length {
		return nil, errAuthDataShort
	}
	d.credentialID, data = data[:length], data[length:]
	if d.key, rest, err = cbor.ReadMap(data); err != nil {
		return nil, err
	}
	d.publicKey = data[:len(data)-len(rest)]
	return rest, nil
}

// verifyAuthData makes the steps 7.1.14 to 7.1.17, which are 7.2.15 to 7.2.18
// of an authentication. waived leaves out the two user checks.
func (k *ceremony) verifyAuthData(d *authData, rpID string, uv UserVerification, waived bool) error {
	// 7.1.14, 7.2.15: rpIdHash is the SHA-256 of the RP ID.
	if want := sha256.Sum256([]byte(rpID)); !bytes.Equal(d.rpIDHash, want[:]) {
		return refuse(k.rpIDHash, CheckRPIDHash, encode64(d.rpIDHash), "SHA-256 of "+rpID)
	}

	// 7.1.15, 7.2.16: UP is set, unless the creation was conditional.
	if !d.has(flagUserPresent) && !waived {
		return k.refuseFlags(k.userPresent, CheckUserPresent, d, "UP")
	}

	// 7.1.16, 7.2.17: UV is set where it is required.
	if uv == UserVerificationRequired && !d.has(flagUserVerified) && !waived {
		return k.refuseFlags(k.userVerified, CheckUserVerified, d, "UV")
	}

	// 7.1.17, 7.2.18: where BE is not set, BS is not set.
	if !d.has(flagBackupEligible) && d.has(flagBackupState) {
		return k.refuseFlags(k.backup, CheckBackupFlags, d, "no BS without BE")
	}
	return nil
}

func (k *ceremony) refuseFlags(step string, check Check, d *authData, want string) error {
	return refuse(step, check, "flags 0x"+strconv.FormatUint(uint64(d.flags), 16), want)
}
