package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"unicode/utf8"
)

const maxImages = 1000 // of one product

// imageBody is what is written of an image.
type imageBody struct {
	ImageURL    string `json:"image_url"`
	Description string `json:"description"`
	IsThumbnail bool   `json:"is_thumbnail"`
	SortOrder   int64  `json:"sort_order"`
}

func listImages(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage)
	if refusal != nil {
		return response{}, refusal
	}
	p, refusal := s.find(x)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(p.Images), func(i int) json.RawMessage { return mustJSON(p.Images[i]) }), nil
}

func createImage(s *Store, x *exchange) (response, *problem) {
	if _, refusal := s.find(x); refusal != nil {
		return response{}, refusal
	}
	var body imageBody
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	p := x.tx.edit(x.id("product"))
	made, refusal := s.addImage(p, body)
	if refusal != nil {
		return response{}, refusal
	}
	x.tx.effects = append(x.tx.effects, Effect{Verb: Created, Kind: "image", Product: p.ID, ID: made.ID, Fields: []FieldChange{{Name: "image_url", After: mustJSON(made.ImageURL)}}})
	return ok(mustJSON(made)), x.tx.put(p, nil)
}

// bornImages gives a new product its images; a bad one spoils the whole product, as it does at BigCommerce.
func (s *Store) bornImages(p *Product, raw json.RawMessage) *problem {
	var rows []imageBody
	if json.Unmarshal(raw, &rows) != nil {
		return invalid(map[string]string{"images": "error.expected.jsarray"})
	}
	for _, row := range rows {
		if _, refusal := s.addImage(p, row); refusal != nil {
			return refusal
		}
	}
	return nil
}

// addImage adds an image without fetching it: any address of http or https passes.
func (s *Store) addImage(p *Product, body imageBody) (Image, *problem) {
	address, err := url.Parse(body.ImageURL)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" || utf8.RuneCountInString(body.ImageURL) > 255 {
		return Image{}, &problem{status: http.StatusBadRequest, title: "The field 'image_url' is invalid."}
	}
	if len(p.Images) >= maxImages {
		return Image{}, &problem{status: http.StatusForbidden, title: "A product has at most 1000 images"}
	}
	image := Image{ID: next(&s.last.image), ProductID: p.ID, ImageURL: body.ImageURL, ImageFile: path.Base(address.Path), URLStandard: body.ImageURL,
		Description: body.Description, IsThumbnail: body.IsThumbnail || len(p.Images) == 0, SortOrder: body.SortOrder}
	p.Images = append(p.Images, image)
	return image, nil
}
