package domain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListing_Offer(t *testing.T) {
	t.Parallel()
	variant := func(price string, stock ...int64) ListedVariant {
		v := ListedVariant{Price: MustMoney(price)}
		for i, n := range stock {
			v.Stock = append(v.Stock, LocationStock{Location: int64(i + 1), Quantity: n})
		}
		return v
	}
	two := MustMoney("2")
	for name, tt := range map[string]struct {
		listing Listing
		want    Offer
	}{
		"nothing": {Listing{}, Offer{InStock: true}},
		"everything": {
			Listing{Description: "<p>x</p>", Brand: "B", Visible: true, Tracked: true, Variants: []ListedVariant{variant("10", 0, 1), variant("2", 0), variant("12.5")}},
			Offer{Visible: true, InStock: true, Described: true, Branded: true, LowPrice: two, HighPrice: MustMoney("12.5")}},
		"sold out":               {Listing{Visible: true, Tracked: true, Variants: []ListedVariant{variant("2", 0, 0)}}, Offer{Visible: true, LowPrice: two, HighPrice: two}},
		"stock is not kept":      {Listing{Visible: true, Variants: []ListedVariant{variant("2")}}, Offer{Visible: true, InStock: true, LowPrice: two, HighPrice: two}},
		"hidden":                 {Listing{Variants: []ListedVariant{variant("2")}}, Offer{InStock: true, LowPrice: two, HighPrice: two}},
		"no variant to be shown": {Listing{Visible: true, Tracked: true}, Offer{}},
		"texts of spaces":        {Listing{Description: " \n", Brand: "\t", Variants: []ListedVariant{variant("2")}}, Offer{InStock: true, LowPrice: two, HighPrice: two}},
		"a variant for nothing":  {Listing{Variants: []ListedVariant{variant("2"), variant("0")}}, Offer{InStock: true, HighPrice: two}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.listing.Offer()); diff != "" {
				t.Errorf("offer (-want +got):\n%s", diff)
			}
		})
	}
}

// What version 1 has recorded is read as version 2, without an offer.
func TestDecodeEvent_upcast(t *testing.T) {
	t.Parallel()
	const data = `{"product":"p","position":7,"bigcommerce_id":118,"digest":"d","request":"r"}`
	got, err := DecodeEvent(TypePushConfirmedV1, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	want := &PushConfirmed{Product: "p", Position: 7, BigCommerceID: 118, Digest: "d", RequestID: "r"}
	if diff := cmp.Diff(Event(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Type() != TypePushConfirmed {
		t.Errorf("it is a %s, want a %s", got.Type(), TypePushConfirmed)
	}
}
