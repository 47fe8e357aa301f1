package extension

import (
	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/internal/strictjson"
)

// Outputs is what client and authenticator told of extensions. Pointers and
// slices are nil where it was not told.
type Outputs struct {
	// Told by the client, not signed.

	Discoverable     *bool // credProps.rk
	AppID            *bool // the credential answered under the AppID
	AppIDExclude     *bool // the client looked at the excluded AppID
	PRFEnabled       *bool
	PRFFirst         []byte
	PRFSecond        []byte
	BlobSupported    *bool
	BlobWritten      *bool
	Blob             []byte
	OtherClient      map[string][]byte // unknown ones by identifier, as JSON text
	ClientUnreadable bool              // the whole is no JSON object

	// Told by the authenticator, signed.

	CredProtect             Protection // 0: not told
	MinPinLength            int        // in code points; 0: not told
	OtherAuthenticator      map[string][]byte
	AuthenticatorUnreadable bool // the whole is no CBOR map
}

// Read reads the two texts that package webauthn passes on; either may be nil.
func Read(client, authenticator []byte) Outputs {
	var o Outputs
	if client != nil {
		o.readClient(client)
	}
	if authenticator != nil {
		o.readAuthenticator(authenticator)
	}
	return o
}

func (o *Outputs) readClient(data []byte) {
	each, ok := object(data)
	o.ClientUnreadable = !ok
	for identifier, value := range each {
		switch identifier {
		case "credProps":
			o.Discoverable = boolean(inside(value)["rk"])
		case "appid":
			o.AppID = boolean(value)
		case "appidExclude":
			o.AppIDExclude = boolean(value)
		case "prf":
			prf := inside(value)
			results := inside(prf["results"])
			o.PRFEnabled, o.PRFFirst, o.PRFSecond = boolean(prf["enabled"]), decode64(results["first"]), decode64(results["second"])
		case "largeBlob":
			blob := inside(value)
			o.BlobSupported, o.BlobWritten, o.Blob = boolean(blob["supported"]), boolean(blob["written"]), decode64(blob["blob"])
		default:
			keep(&o.OtherClient, identifier, value)
		}
	}
}

func (o *Outputs) readAuthenticator(data []byte) {
	m, err := cbor.Whole(data)
	o.AuthenticatorUnreadable = err != nil
	for _, p := range m {
		identifier, isText := p.Key.Text()
		n, isInt := p.Value.Int()
		switch {
		case !isText: // no identifier of an extension
		case identifier == "credProtect":
			if isInt && protectionNames[Protection(n)] != "" {
				o.CredProtect = Protection(n)
			}
		case identifier == "minPinLength":
			if isInt && n > 0 && n < 64 { // CTAP's longest PIN has 63 bytes
				o.MinPinLength = int(n)
			}
		default:
			keep(&o.OtherAuthenticator, identifier, p.Value)
		}
	}
}

func keep(in *map[string][]byte, identifier string, value []byte) {
	if *in == nil {
		*in = map[string][]byte{}
	}
	(*in)[identifier] = value
}

// object returns the members of a JSON object as text.
func object(data []byte) (map[string][]byte, bool) {
	all := map[string][]byte{}
	s := strictjson.New(data)
	for m := s.Object(); m.Next(); {
		all[string(m.Name)] = s.Raw()
	}
	if s.End() != nil {
		return nil, false
	}
	return all, true
}

// inside returns the members of an output that is an object itself.
func inside(value []byte) map[string][]byte {
	all, _ := object(value)
	return all
}

func boolean(value []byte) *bool {
	is := string(value) == "true"
	if !is && string(value) != "false" {
		return nil
	}
	return &is
}

// decode64 returns what a base64url string holds, nil where it is none.
func decode64(value []byte) []byte {
	s := strictjson.New(value)
	b := s.Base64()
	if s.End() != nil {
		return nil
	}
	return b
}
