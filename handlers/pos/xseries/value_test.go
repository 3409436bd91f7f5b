package xseries

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// TestRecord_forms is every form in which the account writes a value.
func TestRecord_forms(t *testing.T) {
	t.Parallel()
	of := func(value string) record { return recordOf(json.RawMessage(`{"v":` + value + `}`)) }

	t.Run("number", func(t *testing.T) {
		for value, want := range map[string]string{
			`7`: "7", `7.0`: "7", `"7"`: "7", `" 7.50 "`: "7.5", `"12.00000"`: "12", `41.5`: "41.5", `86.95652`: "86.95652", `-3`: "-3", `"-3.0"`: "-3",
			`0`: "0", `-0.000001`: "0", `"+4"`: "4", `".5"`: "0.5", `"5."`: "5", `2.5e-1`: "0.25", `1E+2`: "100", `95.00000000000001`: "95",
			`0.0000049`: "0", `0.000005`: "0.00001", `-0.000005`: "-0.00001",
			`null`: "", `""`: "", `"  "`: "", `{}`: "", `true`: "!", `"12,50"`: "!", `"1 000"`: "!", `"£4"`: "!", `[1]`: "!", `{"a":1}`: "!", `1e100`: "!", `"NaN"`: "!", `"0x10"`: "!", `"1/3"`: "!",
		} {
			got, ok := of(value).number(domain.QuantityScale, "v")
			if !ok {
				got = "!"
			}
			if got != want {
				t.Errorf("%s is read as %q, want %q", value, got, want)
			}
		}
	})
	t.Run("flag", func(t *testing.T) {
		for value, want := range map[string]string{
			`true`: "true", `false`: "false", `1`: "true", `0`: "false", `"1"`: "true", `"0"`: "false", `"true"`: "true", `"False"`: "false", `"yes"`: "true", `"no"`: "false",
			`null`: "", `""`: "", `{}`: "", `2`: "", `[]`: "",
		} {
			got := ""
			if b := of(value).flag("v"); b != nil {
				got = "false"
				if *b {
					got = "true"
				}
			}
			if got != want {
				t.Errorf("%s is read as %q, want %q", value, got, want)
			}
		}
	})
	t.Run("when", func(t *testing.T) {
		seen := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
		for value, want := range map[string]string{
			`"2026-03-04T10:15:12Z"`: "2026-03-04T10:15:12Z", `"2026-03-04 10:15:13"`: "2026-03-04T10:15:13Z", `"2026-03-04T10:15:14+00:00"`: "2026-03-04T10:15:14Z",
			`"2026-03-04T10:15:14.25+02:00"`: "2026-03-04T08:15:14.25Z", `"2026-03-04T10:15:14"`: "2026-03-04T10:15:14Z", `"2026-03-04T10:15:14+0000"`: "2026-03-04T10:15:14Z",
			`"2026-03-04"`: "2026-03-04T00:00:00Z",
			`null`:         "2026-03-10T12:00:00Z", `""`: "2026-03-10T12:00:00Z", `{}`: "2026-03-10T12:00:00Z", `"0000-00-00 00:00:00"`: "2026-03-10T12:00:00Z",
			`"yesterday"`: "2026-03-10T12:00:00Z", `"9999-01-01T00:00:00Z"`: "2026-03-10T12:00:00Z", `"0001-01-01T00:00:00Z"`: "2026-03-10T12:00:00Z",
		} {
			if got := of(value).when(seen, "v").Format(time.RFC3339Nano); got != want {
				t.Errorf("%s is read as %s, want %s", value, got, want)
			}
		}
	})
	t.Run("version", func(t *testing.T) {
		for raw, want := range map[string]uint64{
			`{"version":90210061}`: 90210061, `{"version":"90210061"}`: 90210061, `{"version":9223372036854775807}`: 9223372036854775807, `{"_metadata":{"version":7}}`: 7,
			`{"version":9223372036854775808}`: 0, `{"version":0}`: 0, `{"version":-1}`: 0, `{"version":null}`: 0, `{"version":{}}`: 0, `{}`: 0, `{"version":"x"}`: 0, `{"version":9.0210061e7}`: 90210061,
		} {
			if got := recordOf(json.RawMessage(raw)).version(); got != want {
				t.Errorf("%s is read as %d, want %d", raw, got, want)
			}
		}
	})
	t.Run("relation", func(t *testing.T) {
		for value, want := range map[string]string{`null`: "", `{}`: "", `[]`: "", `"x"`: "", `{"name":null}`: "", `{"name":{}}`: "", `{"name":"Northwood"}`: "Northwood", `{"name":12}`: "12"} {
			if got := of(value).below("v").id("name"); got != want {
				t.Errorf("%s is read as %q, want %q", value, got, want)
			}
		}
		for value, want := range map[string]int{`null`: 0, `{}`: 0, `[]`: 0, `"x"`: 0, `[1,2]`: 2} {
			if got := len(of(value).list("v")); got != want {
				t.Errorf("%s is read as %d entries, want %d", value, got, want)
			}
		}
	})
}
