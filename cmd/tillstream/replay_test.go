package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/streams"
)

// command runs a command that talks to the installation, and returns what it says.
func (in *installation) command(args ...string) (code int, said string) {
	in.t.Helper()
	var out bytes.Buffer
	code = run(in.t.Context(), append(args, "--server", in.base, "--store", testStore), []string{"TILLSTREAM_TOKEN=" + in.app.token}, strings.NewReader(""), &out, &out)
	return code, out.String()
}

func matches(text, pattern string) bool { return regexp.MustCompile(pattern).MatchString(text) }

// TestReplay_toNATS: a log that is sent into another installation by way of its NATS
// servers folds to the same, byte for byte; sent again it changes nothing, and cut short
// it is gone on with.
func TestReplay_toNATS(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	for n := range 100 {
		in.happen(sized("a-s", "f-a", "S"), sized("a-m", []string{"f-a", "f-b"}[n%2], "M"), counted("a-m", n), counted("b-s", n))
	}
	const events = 400
	other := install(t, simulator.Config{}, nil)
	conn := other.app.conn
	to := []string{"replay", "--to", conn.ClientURL(), "--to-user", streams.AdapterUser(testStore), "--to-password-file", conn.PasswordFile(streams.AdapterUser(testStore))}
	arrived := func() {
		t.Helper()
		other.await("folded", func() bool { return other.app.engine.Load().catalog.Position() == events })
		if last, err := conn.POS().Last(t.Context()); err != nil || last != events {
			t.Errorf("the log ends at %d, %v", last, err)
		}
		if other.digest() != in.digest() {
			t.Error("what was sent folds to something else")
		}
	}
	for _, want := range []string{"400 events sent to nats://", "400 events sent to .*, 400 there already"} {
		if code, said := in.command(to...); code != exitDone || !matches(said, want) {
			t.Fatalf("exit code %d, want %s:\n%s", code, want, said)
		}
		arrived()
	}
	for _, test := range []struct {
		more []string
		code int
		want string
	}{
		{[]string{"--speed", "1e9", "--item", "b-s"}, exitDone, "100 events sent to .*, 100 there already"},
		{[]string{"--resume"}, exitFailed, "how far the other side is: .*[Pp]ermissions [Vv]iolation"},
		{[]string{"--to-store", "mill"}, exitFailed, "after 0 events: the user may not do that there: .*[Pp]ermissions [Vv]iolation.*\n.*--from 1"},
		{[]string{"--to-user", "nobody"}, exitFailed, "cannot reach the broker at nats://.*Authorization"},
		{[]string{"--to-password-file", "nowhere"}, exitFailed, "the password of the other side: "},
		{[]string{"--to-token-file", "x"}, exitMisuse, "NATS servers take --to-user"},
		{[]string{"--to-cert", "x"}, exitMisuse, "needs both files"},
		{[]string{"--to-credentials", "x"}, exitMisuse, "user and password are set as well"},
		{[]string{"--to", "nats://"}, exitMisuse, "or of NATS servers"},
		{[]string{"--to", "http://x", "--resume"}, exitMisuse, "--resume goes on with a file"},
		{[]string{"--to", "http://x"}, exitMisuse, "of use with a NATS server only"},
	} {
		if code, said := in.command(append(to[:len(to):len(to)], test.more...)...); code != test.code || !matches(said, test.want) {
			t.Errorf("%v: exit code %d, want %d and %s:\n%s", test.more, code, test.code, test.want, said)
		}
	}
	arrived()

	// By a user who may read there, which the URL names.
	third := install(t, simulator.Config{}, nil)
	conn = third.app.conn
	password, err := os.ReadFile(conn.PasswordFile("app"))
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(password))
	as := []string{"replay", "--to", strings.Replace(conn.ClientURL(), "nats://", "nats://app:"+secret+"@", 1)}
	other = third
	if code, said := in.command(append(as, "--until", "250")...); code != exitDone || !matches(said, "250 events sent") || strings.Contains(said, secret) {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	if code, said := in.command(append(as, "--resume")...); code != exitDone || !matches(said, "150 events sent to .*, 250 passed over that were there") {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	arrived()
	third.told = events // whose ids are taken
	third.happen(&domain.ProductDeleted{Item: "b-s"})
	if code, said := in.command(append(as, "--resume")...); code != exitFailed || !matches(said, "none of those that are chosen here") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}
