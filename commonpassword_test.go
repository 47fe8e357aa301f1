package mapae

import "testing"

func TestCommonPasswords(t *testing.T) {
	t.Parallel()
	if n := len(commonPasswords()); n < 3000 {
		t.Errorf("%d passwords, want at least 3,000", n)
	}
	for password, want := range map[string]bool{
		"password": true, "PassWord": true, "123456789": true, "iloveyou": true, "qwertyuiop": true,
		"aaaaaaaaaaaaaaaa": true, "abcdabcdabcdabcd": true, "passwordpassword": true,
		"correct horse battery staple": false, "": false, "xq7-vanilla-otter": false,
	} {
		if got := commonPassword(password); got != want {
			t.Errorf("%q: %v", password, got)
		}
	}
}
