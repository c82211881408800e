package mailer

import (
	"net/mail"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct{ sentence, text, want string }{
		{"Nothing is an empty field.", "", "Subject:"},
		{"ASCII stays as it is.", "Hola, Ana: =7 (a_b)", "Subject: Hola, Ana: =7 (a_b)"},
		{"A line of 76 bytes is not folded.", x(30) + " " + x(36), "Subject: " + x(30) + " " + x(36)},
		{"A longer one is folded at the last space.", x(30) + " " + x(37), "Subject: " + x(30) + "\r\n " + x(37)},
		{"A word that is longer than a line is not broken.", x(90) + " y", "Subject:\r\n " + x(90) + "\r\n y"},
		{"Other letters are encoded, a space is an underscore and an underscore is not.", "¿Sí? a_b", "Subject: =?UTF-8?q?=C2=BFS=C3=AD=3F_a=5Fb?="},
		{"An encoded line of 76 bytes is not folded.", "ñ" + x(49), "Subject: =?UTF-8?q?=C3=B1" + x(49) + "?="},
		{"A longer one is.", "ñ" + x(50), "Subject: =?UTF-8?q?=C3=B1" + x(49) + "?=\r\n =?UTF-8?q?x?="},
		{"No character is broken.", x(50) + "👩", "Subject: =?UTF-8?q?" + x(50) + "?=\r\n =?UTF-8?q?=F0=9F=91=A9?="},
		{"An encoded word has at most 75 bytes.", "ñ" + x(49) + x(64), "Subject: =?UTF-8?q?=C3=B1" + x(49) + "?=\r\n =?UTF-8?q?" + x(63) + "?=\r\n =?UTF-8?q?x?="},
		{"What looks like an encoded word is encoded, so that it is shown as it is.", "=?utf-8?q?a?=", "Subject: =?UTF-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?="},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			got := string(appendText(nil, "Subject", c.text))
			if got != c.want+"\r\n" {
				t.Errorf("got  %q\nwant %q", got, c.want+"\r\n")
			}
			if err := checkHeader([]byte(got)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAddressFields(t *testing.T) {
	for _, c := range []struct{ sentence, name, spec, want string }{
		{"Without a name, only the address.", "", "ana@example.com", "To: <ana@example.com>"},
		{"A name of ASCII is quoted.", "Ana", "ana@example.com", `To: "Ana" <ana@example.com>`},
		{"Quotes and backslashes in it are escaped.", `A "b" \`, "ana@example.com", `To: "A \"b\" \\" <ana@example.com>`},
		{"Other letters are encoded, and what a word in a name may not hold.", "Muñoz, (A.)", "ana@example.com", "To: =?UTF-8?q?Mu=C3=B1oz=2C_=28A=2E=29?= <ana@example.com>"},
		{"An encoded word in a name would show what nobody checked.", "=?utf-8?q?a=2Fb?=", "ana@example.com", "To: =?UTF-8?q?=3D=3Futf-8=3Fq=3Fa=3D2Fb=3F=3D?= <ana@example.com>"},
		{"A long name is folded within its quotes.", strings.Repeat("abcdefghi ", 7) + "j", "ana@example.com", `To: "abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi` + "\r\n " + `j" <ana@example.com>`},
		{"A long address goes on the next line.", strings.Repeat("a", 50), "ana@sub.example.com", `To: "` + strings.Repeat("a", 50) + "\"\r\n <ana@sub.example.com>"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := string(appendAddress(nil, "To", address{mail.Address{Name: c.name, Address: c.spec}})); got != c.want+"\r\n" {
				t.Errorf("got  %q\nwant %q", got, c.want+"\r\n")
			}
		})
	}
}

func TestCheckHeader(t *testing.T) {
	for _, c := range []struct {
		sentence, header string
		ok               bool
	}{
		{"Lines that end with CRLF.", "A: b\r\n c\r\n", true},
		{"A line of 998 bytes.", "A: " + strings.Repeat("x", 995) + "\r\nB: c\r\n", true},
		{"A line of 999 bytes.", "A: " + strings.Repeat("x", 996) + "\r\nB: c\r\n", false},
		{"The last line is too long.", "A: b\r\nB: " + strings.Repeat("x", 996) + "\r\n", false},
		{"A bare LF.", "A: b\nc\r\n", false},
		{"An LF at the start.", "\nA: b\r\n", false},
		{"A bare CR.", "A: b\rc\r\n", false},
		{"Two CRs.", "A: b\r\r\n", false},
		{"A CR at the end.", "A: b\r\n\r", false},
		{"A NUL.", "A: \x00\r\n", false},
		{"A line without an end.", "A: b\r\nB: c", false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if err := checkHeader([]byte(c.header)); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
