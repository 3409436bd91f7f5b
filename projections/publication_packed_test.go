package projections

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
)

// drawnPublication is a publication with anything in any of its fields, also in those that
// are added later.
var drawnPublication = rapid.MakeCustom[Publication](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
	reflect.TypeFor[time.Time](): rapid.Custom(func(t *rapid.T) any {
		if rapid.Bool().Draw(t, "no time") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(time.Time{}.Unix(), 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "part")).UTC()
	}),
	reflect.TypeFor[domain.Money](): rapid.Custom(func(t *rapid.T) any {
		return domain.MustMoney(rapid.StringMatching(`[0-9]{1,12}(\.[0-9]{1,6})?`).Draw(t, "money"))
	}),
}})

// TestPublication_pack: nothing is lost, also what JSON does not tell apart, and the head
// says what the rest does.
func TestPublication_pack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pub := drawnPublication.Draw(t, "publication")
		packed := pub.pack()
		if got := packed.unpack(); !reflect.DeepEqual(got, pub) {
			t.Errorf("got  %+v\nwant %+v", got, pub)
		}
		want := publicationHead{sync: pub.Sync, linked: pub.Link != nil, held: pub.Held != nil, quarantined: len(pub.Quarantined) > 0}
		if pub.Link != nil {
			want.bigCommerceID = pub.Link.BigCommerceID
		}
		if diff := cmp.Diff(want, packed.head(), cmp.AllowUnexported(publicationHead{})); diff != "" {
			t.Errorf("head (-want +got):\n%s", diff)
		}
	})
}
