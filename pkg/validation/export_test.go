package validation

import "github.com/naru-relay/naru/pkg/bundle"

// TextsOf are the texts on each page of a report that nobody signs.
func TextsOf(r *bundle.Report, language Language) [][]string {
	return draw(r, Options{Verifier: "naru verify", Language: language}, false).Texts()
}
