package common

import "testing"

func TestHas(t *testing.T) {
	if n := Len(); n < 3000 {
		t.Errorf("%d passwords, want at least 3,000", n)
	}
	for password, want := range map[string]bool{
		"password": true, "PassWord": true, "123456789": true, "iloveyou": true, "qwertyuiop": true,
		"aaaaaaaaaaaaaaaa": true, "abcdabcdabcdabcd": true, "passwordpassword": true,
		"correct horse battery staple": false, "": false, "xq7-vanilla-otter": false,
	} {
		if got := Has(password); got != want {
			t.Errorf("Has(%q) = %v", password, got)
		}
	}
}
