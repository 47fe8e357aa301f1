package mapae

// SealInquiry returns what an operator's program shows a running server, so
// that this tells it how requests arrive: text for one header field, made with
// the root keys of a, which are the server's, and of use for ten minutes. It is
// not spent: what it opens is nothing but the request that it came with.
func (a *Auth) SealInquiry() (string, error) {
	return a.sealTicket(ticket{Purpose: purposeInquiry}, ticketLife)
}

// OpenInquiry returns nil where text was made by SealInquiry with root keys
// that are in use here. Every failure is CodeCeremonyInvalid.
func (a *Auth) OpenInquiry(text string) error {
	_, err := a.openTicket(text, purposeInquiry, nil)
	return err
}
