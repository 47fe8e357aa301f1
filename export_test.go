package mapae

// ThrottleKey shows tests where wrong proofs of a user are counted.
func (a *Auth) ThrottleKey(method MethodName, user UserID) [32]byte {
	return a.throttleKey(method, user, "")
}
