package simulator

import "net/http"

// routesV2 lays out what is left of the old API for a sync: whether the store is there, and what it is called. Its
// errors are lists.
func (s *Store) routesV2() {
	for below, h := range map[string]handler{"/time": readTime, "/store": readStore} {
		s.mux.HandleFunc("GET /stores/{hash}/v2"+below, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, h) })
	}
	s.mux.HandleFunc("/stores/{hash}/v2/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, refuseV2) })
}

func readTime(s *Store, _ *exchange) (response, *problem) {
	return response{status: http.StatusOK, body: mustJSON(map[string]int64{"time": s.cfg.Now().Unix()})}, nil
}

func readStore(s *Store, _ *exchange) (response, *problem) {
	return response{status: http.StatusOK, body: mustJSON(map[string]any{
		"id": s.cfg.StoreHash, "account_uuid": "5dbd4c4a-0000-4000-8000-000000000000", "domain": s.cfg.StoreHash + ".example.com", "secure_url": "https://" + s.cfg.StoreHash + ".example.com",
		"name": "Simulated store", "status": "live", "currency": "USD", "decimal_places": 2, "weight_units": "KGS", "dimension_units": "Centimeters",
		"timezone": map[string]any{"name": "Etc/UTC", "raw_offset": 0}, "plan_name": "Simulated", "plan_level": "simulated",
	})}, nil
}

func refuseV2(*Store, *exchange) (response, *problem) {
	return response{status: http.StatusNotFound, body: mustJSON([]map[string]any{{"status": http.StatusNotFound, "message": "The simulator has no such resource in v2."}})}, nil
}
