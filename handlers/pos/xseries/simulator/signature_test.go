package simulator

import "testing"

// TestSignature is the test vector that was made for this project: nobody published one. It is over the raw form, not
// over the payload.
func TestSignature(t *testing.T) {
	t.Parallel()
	body := "payload=%7B%22id%22%3A%22a1d0c0de-0000-11ee-8001-000000000301%22%2C%22count%22%3A7%2C%22outlet_id%22%3A%22a1d0c0de-0000-11ee-8001-0000000000a1%22%2C" +
		"%22product_id%22%3A%22a1d0c0de-0000-11ee-8001-000000000011%22%2C%22version%22%3A90210077%7D&domain_prefix=kiteandkeel"
	for how, want := range map[string]string{
		"hex":    "signature=5f61dc00ad12a44ea6dd09dd1ba27832fa3958c015ba73d51b0a7a9855920597,algorithm=HMAC-SHA256",
		"base64": "signature=X2HcAK0SpE6m3QndG6J4Mvo5WMAVunPVGwp6mFWSBZc=,algorithm=HMAC-SHA256",
		"none":   "",
	} {
		a := New(Config{ClientSecret: "not-a-real-client-secret", HookSignature: how, Items: 1, Quirks: -1})
		if got := a.signature([]byte(body), "id"); got != want {
			t.Errorf("%s: %s, want %s", how, got, want)
		}
	}
}

// TestExport: the shop's export is what an account begins with, to the row.
func TestExport(t *testing.T) {
	t.Parallel()
	rows := exportRows()
	a := New(Config{})
	if len(a.order) != len(rows)-1+2 { // and two sets
		t.Errorf("%d products of %d rows", len(a.order), len(rows)-1)
	}
	column := map[string]int{}
	for i, title := range rows[0] {
		column[title] = i
	}
	for i, row := range rows[1:] {
		p := a.order[i]
		if p.id != row[column["id"]] || p.sku != row[column["sku"]] || p.family.handle != row[column["handle"]] || p.price != mustAmount(row[column["retail_price"]]) {
			t.Fatalf("row %d became %s %s at %s", i+2, p.id, p.sku, p.price)
		}
		if stock := row[column["inventory_Mill_Lane"]]; stock != "" && p.levels[1].onHand != mustAmount(stock) {
			t.Fatalf("row %d: %s in stock at Mill Lane, want %s", i+2, p.levels[1].onHand, stock)
		}
	}
}
