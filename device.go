package mapae

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
)

// A browser keeps, in a cookie of its own, who signed in with it: sealed hashes
// of user IDs, the latest first. What is not in it is a new browser to that
// user, unless a live session came from the same address by the same browser or
// app. So nobody is told again and again of a browser that they use, and a
// cookie that is lost costs one mail at most.
const (
	deviceUsers = 8  // that a browser keeps
	deviceMark  = 16 // bytes of a user's hash
	maxDevice   = 512
)

// markOf is what stands for a user in a browser's cookie.
func markOf(u UserID) []byte {
	hash := sha256.Sum256([]byte("mapae device " + string(u)))
	return hash[:deviceMark]
}

// openDevice returns the marks in a browser's cookie; what can't be opened has
// none.
func (a *Auth) openDevice(text string) [][]byte {
	if len(text) > maxDevice {
		return nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	plain, _, err := a.ring.Load().Open(sealDevice, sealed)
	if err != nil {
		return nil
	}
	return slices.Collect(slices.Chunk(plain, deviceMark))
}

// keeps reports whether the browser of c has signed u in before.
func (a *Auth) keeps(c Client, u UserID) bool {
	mark := markOf(u)
	return slices.ContainsFunc(a.openDevice(c.Device), func(m []byte) bool { return slices.Equal(m, mark) })
}

// keep is what the browser of c is to keep once u is signed in; empty: it does
// so already, or nobody would be told.
func (a *Auth) keep(c Client, u UserID) string {
	if a.cfg.Mailer == nil || c.App || a.keeps(c, u) {
		return ""
	}
	marks := slices.Insert(a.openDevice(c.Device), 0, markOf(u))
	return encode64(a.ring.Load().Seal(sealDevice, slices.Concat(marks[:min(len(marks), deviceUsers)]...)))
}

// unfamiliar reports whether u is to be told of a sign-in by c: nothing says
// that it is a browser or app that u has used.
func (a *Auth) unfamiliar(ctx context.Context, c Client, u User) (bool, error) {
	if a.cfg.Mailer == nil || u.EmailKey == "" || a.keeps(c, u.ID) {
		return false, nil
	}
	live, err := a.store.Sessions(ctx, u.ID, a.now())
	if err != nil {
		return false, broken("read sessions", err)
	}
	return !slices.ContainsFunc(live, func(s Session) bool {
		return s.App == c.App && c.Address != "" && s.Address == c.Address && s.UserAgent == clip(c.UserAgent)
	}), nil
}
