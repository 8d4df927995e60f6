package web

import (
	"fmt"
	"os"
	"strings"

	"github.com/naru-relay/naru/services/web/locale"
)

// terms are the terms of use as they are shown and agreed to.
type terms struct {
	version string
	// paragraphs by language; empty while there are no terms.
	paragraphs map[locale.Language][]string
}

func readTerms(c Terms) (terms, error) {
	t := terms{version: c.Version, paragraphs: map[locale.Language][]string{}}
	for language, file := range map[locale.Language]string{locale.Korean: c.KoreanFile, locale.English: c.EnglishFile} {
		if file == "" {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return terms{}, fmt.Errorf("read the terms of use: %w", err)
		}
		text := strings.ReplaceAll(strings.TrimSpace(string(raw)), "\r\n", "\n")
		t.paragraphs[language] = strings.Split(text, "\n\n")
	}
	return t, nil
}
