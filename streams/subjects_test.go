package streams

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
)

// anyID draws ids as vendors make them, and worse.
func anyID() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`),
		rapid.StringMatching(`=[A-Za-z0-9_-]{0,8}`),
		rapid.SampledFrom([]string{"", ".", "*", ">", "a.b", "a b", "A*1", "=", "=YQ", "\x00", "é", "$JS", "_"}),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
}

func anyStore() *rapid.Generator[domain.StoreID] {
	return rapid.Map(rapid.StringMatching(`[a-z0-9-]{1,32}`), func(s string) domain.StoreID { return domain.StoreID(s) })
}

func TestToken(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		for id, want := range map[string]string{"i-17": "i-17", "A_1": "A_1", "": "=", "A.1": "=QS4x", "*": "=Kg", "é": "=w6k", "=YQ": "=PVlR"} {
			if got := token(id); got != want {
				t.Errorf("token(%q) = %q, want %q", id, got, want)
			}
		}
	})
	t.Run("OK round trip", rapid.MakeCheck(func(t *rapid.T) {
		id := anyID().Draw(t, "id")
		tok := token(id)
		if strings.ContainsAny(tok, ".*> \t\r\n\x00") || tok == "" {
			t.Fatalf("token(%q) = %q is no subject token", id, tok)
		}
		if got, err := parseToken(tok); err != nil || got != id {
			t.Fatalf("parseToken(token(%q)) = %q, %v", id, got, err)
		}
	}))
	t.Run("OK injective", rapid.MakeCheck(func(t *rapid.T) {
		a, b := anyID().Draw(t, "a"), anyID().Draw(t, "b")
		if (token(a) == token(b)) != (a == b) {
			t.Fatalf("token(%q) = %q, token(%q) = %q", a, token(a), b, token(b))
		}
	}))
	t.Run("Err", func(t *testing.T) {
		for _, tok := range []string{"", "a b", "é", "=%%", "=YQ", "=Kh"} { // =YQ is "a", which is plain; =Kh has stray bits
			if id, err := parseToken(tok); err == nil {
				t.Errorf("parseToken(%q) = %q, want an error", tok, id)
			}
		}
	})
}

func TestKey_Parts(t *testing.T) {
	t.Parallel()
	t.Run("OK", rapid.MakeCheck(func(t *rapid.T) {
		store, id := anyStore().Draw(t, "store"), anyID().Draw(t, "id")
		k := MakeKey(store, id)
		gotStore, gotID, err := k.Parts()
		if err != nil || gotStore != store || gotID != id {
			t.Fatalf("MakeKey(%q, %q).Parts() = %q, %q, %v", store, id, gotStore, gotID, err)
		}
		name := anyID().Draw(t, "name")
		system := SystemKey(name)
		if system == k {
			t.Fatalf("SystemKey(%q) is also MakeKey(%q, %q)", name, store, id)
		}
		if gotStore, gotID, err := system.Parts(); err != nil || gotStore != "" || gotID != name {
			t.Fatalf("SystemKey(%q).Parts() = %q, %q, %v", name, gotStore, gotID, err)
		}
	}))
	t.Run("Err", func(t *testing.T) {
		for _, k := range []Key{"", "demo", "Demo.x", "demo.", "demo.x.y", ".x", "_.a b"} {
			if store, id, err := k.Parts(); err == nil {
				t.Errorf("Key(%q).Parts() = %q, %q, want an error", k, store, id)
			}
		}
	})
}

func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{"pos.demo.i-17", "pos.demo.=Kg", "pos.demo", "pos..x", "sync.demo.x", "pos.demo.a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		store, id, err := parseSubject(posPrefix, subject)
		if err != nil {
			return
		}
		if again := subjectOf(posPrefix, store, id); again != subject {
			t.Errorf("subject %q reads as %q, %q, which is written %q", subject, store, id, again)
		}
	})
}
