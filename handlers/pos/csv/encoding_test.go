package csv

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/tillstream/tillstream/domain"
)

// accented is a file whose text needs more than ASCII.
const accented = "sku,name,brand_name,inventory_Café_Ø\nA,Crème brûlée – 5 €,Ærø,3\n"

func encoded(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReader_Encodings(t *testing.T) {
	t.Parallel()
	le, be := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	want := rows(t, open(t, accented))
	if len(want) != 1 || want[0].Err != nil || len(want[0].Envelopes) != 2 {
		t.Fatalf("got %+v", want)
	}
	for name, tt := range map[string]struct{ file, encoding string }{
		"UTF-8 with a mark":           {"\xef\xbb\xbf" + accented, ""},
		"UTF-8 by name":               {accented, "UTF-8"},
		"UTF-16LE with a mark":        {"\xff\xfe" + encoded(t, le, accented), ""},
		"UTF-16BE with a mark":        {"\xfe\xff" + encoded(t, be, accented), ""},
		"UTF-16LE by name":            {encoded(t, le, accented), "utf-16le"},
		"windows-1252 by name":        {encoded(t, charmap.Windows1252, accented), "windows-1252"},
		"a mark knows better":         {"\xff\xfe" + encoded(t, le, accented), "windows-1252"},
		"UTF-8's mark knows it, too":  {"\xef\xbb\xbf" + accented, "windows-1252"},
		"UTF-8 and lines of CR LF":    {strings.ReplaceAll(accented, "\n", "\r\n"), ""},
		"macintosh by name":           {encoded(t, charmap.Macintosh, strings.Replace(accented, "Ø", "Ø", 1)), "macintosh"},
		"another name of a known one": {encoded(t, charmap.Windows1252, accented), "latin1"},
	} {
		o := options()
		o.Encoding = tt.encoding
		r, err := NewReader(strings.NewReader(tt.file), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, rows(t, r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReader_ErrEncoding(t *testing.T) {
	t.Parallel()
	o := options()
	o.Encoding = "ebcdic"
	var invalid *domain.InvalidError
	if _, err := NewReader(strings.NewReader(accented), o); !errors.As(err, &invalid) || invalid.Path != "encoding" {
		t.Errorf("got %v", err)
	}
	o.Encoding = "windows-1252"
	r, err := NewReader(strings.NewReader("sku,name\nA,\x81\nB,N\n"), o)
	if err != nil {
		t.Fatal(err)
	}
	got := rows(t, r)
	if want := `row 2, name: "` + "\ufffd" + `": holds what the file's encoding does not have: is it of another one?`; got[0].Err == nil || got[0].Err.Error() != want || got[1].Err != nil {
		t.Errorf("got %v", got)
	}
}

// TestNewReader_ErrNoText: what is no text is named.
func TestNewReader_ErrNoText(t *testing.T) {
	t.Parallel()
	le := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	be := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	for file, want := range map[string]string{
		"PK\x03\x04\x14\x00\x06\x00":                 "the file is an Excel workbook (.xlsx) or another ZIP archive: save the table as CSV UTF-8",
		"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00":   "the file is an old Excel workbook (.xls): save the table as CSV UTF-8",
		"\x1f\x8b\x08\x00":                           "the file is compressed with gzip: unpack it first",
		"%PDF-1.7\n":                                 "the file is a PDF: save the table as CSV UTF-8",
		"\n<!DOCTYPE html><title>Log in</title>":     "the file is a web page: was the export made without being logged in?",
		encoded(t, le, "sku,name\n"):                 "the file is UTF-16 without a byte order mark: name its encoding, utf-16le, or save the table as CSV UTF-8",
		encoded(t, be, "sku,name\n"):                 "the file is UTF-16 without a byte order mark: name its encoding, utf-16be, or save the table as CSV UTF-8",
		"\x7fELF\x02\x01\x01\x00\x00\x00":            "the file is no text: byte 8 is 0: save the table as CSV UTF-8",
		"\xff\xfe\x00\x00s\x00\x00\x00k\x00\x00\x00": "the file is no text: byte 3 is 0: save the table as CSV UTF-8",
		"sku,name\rA,N\rB,N\r":                       "the lines end as those of an old Macintosh do: save the table as CSV UTF-8",
	} {
		_, err := NewReader(strings.NewReader(file), options())
		var header *HeaderError
		if !errors.As(err, &header) || header.Reason != want {
			t.Errorf("%.20q: got  %v\nwant %s", file, err, want)
		}
	}
}

// TestReader_Next_Families: the rows of one product that disagree about it are
// told of, since only one of them can be right.
func TestReader_Next_Families(t *testing.T) {
	t.Parallel()
	got := rows(t, open(t, `id,handle,sku,name,description,brand_name,active
1,coat,A,Coat,Warm,K,1
2,coat,B,Coat,Warm,K,1
3,coat,C,Coat,,K,0
4,hat,D,Hat,,K,1
5,,E,Cap,,K,1
6,,F,Cup,,K,1
`))
	for i, row := range got {
		var want []string
		if i == 2 {
			want = []string{"description, active: otherwise than in row 3, of the same handle: the last row of a product decides"}
		}
		if diff := cmp.Diff(want, row.Notes); diff != "" || row.Err != nil {
			t.Errorf("row %d: %v (-want +got):\n%s", row.Number, row.Err, diff)
		}
	}
}

func TestReader_Column(t *testing.T) {
	t.Parallel()
	r := open(t, "SKU,Name,type,brand_name,inventory_Mill_Lane,handle\n")
	for field, want := range map[string]string{
		"sku": "SKU", "family.name": "Name", "family.category": "type", "family.brand": "brand_name", "stock.Mill Lane": "inventory_Mill_Lane",
		"product": "handle", "options": "options", "family.description": "description", "stock.Quayside": "stock.Quayside", "deleted": "deleted",
	} {
		if got := r.Column(field); got != want {
			t.Errorf("%s: got %s, want %s", field, got, want)
		}
	}
}
