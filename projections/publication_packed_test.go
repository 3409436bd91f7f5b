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

// TestPublication_pack: nothing is lost, also what JSON does not tell apart, and where the
// product stands, the outline says, too.
func TestPublication_pack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pub := drawnPublication.Draw(t, "publication")
		packed := pub.pack()
		if got := packed.unpack(); !reflect.DeepEqual(got, pub) {
			t.Errorf("got  %+v\nwant %+v", got, pub)
		}
		outline := packed.outline()
		due := domain.Position(rapid.Uint64Range(0, uint64(pub.Confirmed.Position)+2).Draw(t, "due"))
		quarantined := rapid.Bool().Draw(t, "quarantined")
		if got, want := StateOf(due, outline, quarantined), StateOf(due, pub, quarantined); got != want {
			t.Errorf("by its outline it is %s, want %s", got, want)
		}
		said := func(p Publication) []any {
			return []any{p.Sync, p.Broken(), p.NeedsPush(due), p.Link != nil, p.Creating != nil, p.Held != nil, p.Refused, p.Approved}
		}
		if diff := cmp.Diff(said(pub), said(outline)); diff != "" {
			t.Errorf("outline (-want +got):\n%s", diff)
		}
		if head := packed.head(); head.linked && (outline.Link.BigCommerceID != pub.Link.BigCommerceID || head.bigCommerceID != pub.Link.BigCommerceID) {
			t.Errorf("the twin is %d by the outline, %d by the head, want %d", outline.Link.BigCommerceID, head.bigCommerceID, pub.Link.BigCommerceID)
		}
	})
}
