// Package client owns the client side of Mapae's JSON API: it drives the
// ceremonies between a server and something that can make and use passkeys. It
// never looks into options or credentials, and shares no code with the server.
//
//	c := client.New("https://example.com/auth", key)
//	_, err := c.SignUp(ctx, "alice@example.com", "Alice")
//	signedIn, err := c.SignIn(ctx)
//
// A client is a browser, with cookies and an Origin header; or, with
// [Client.App] set, an app with a bearer token. Each flow is one call; its two
// halves, Begin… and Finish…, are there for who needs what is between.
package client
