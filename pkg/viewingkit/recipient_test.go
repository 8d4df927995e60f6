package viewingkit_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/viewingkit"
)

func person(name, birth, phone string) viewingkit.Recipient {
	return viewingkit.Recipient{Person: &viewingkit.Person{Name: name, BirthDate: birth, Phone: phone}}
}

func address(platform, eaddr string) viewingkit.Recipient {
	return viewingkit.Recipient{PlatformAddress: &viewingkit.PlatformAddress{PlatformID: platform, Address: eaddr}}
}

func TestRecipientsAreComparedNormalised(t *testing.T) {
	t.Parallel()
	ci := strings.Repeat("Ab+/", 22)
	tests := []struct {
		name string
		a, b viewingkit.Recipient
		want bool
	}{
		{"same CI", viewingkit.Recipient{CI: ci}, viewingkit.Recipient{CI: ci}, true},
		{"CI differs by case", viewingkit.Recipient{CI: ci}, viewingkit.Recipient{CI: strings.ToLower(ci)}, false},
		{"same person written differently", person("강나루", "1990-01-02", "010-0000-0001"), person("강나루", "19900102", "01000000001"), true},
		{"other phone", person("강나루", "19900102", "01000000001"), person("강나루", "19900102", "01000000002"), false},
		{"parts do not run together", person("강나루", "1990010", "201000000001"), person("강나루", "19900102", "01000000001"), false},
		{"business number with hyphens", viewingkit.Recipient{BusinessNumber: "123-45-67891"}, viewingkit.Recipient{BusinessNumber: "1234567891"}, true},
		{"address case", address("p", "Kang#Test"), address("p", "kang#test"), true},
		{"platform case", address("P", "kang"), address("p", "kang"), false},
		{"other platform", address("p", "kang"), address("q", "kang"), false},
		{"other kinds", viewingkit.Recipient{CI: "1234567891"}, viewingkit.Recipient{BusinessNumber: "1234567891"}, false},
		{"nobody is not nobody", viewingkit.Recipient{}, viewingkit.Recipient{}, false},
		{"an incomplete person", person("강나루", "", ""), person("강나루", "", ""), false},
		{"two kinds at once", viewingkit.Recipient{CI: ci, BusinessNumber: "1"}, viewingkit.Recipient{CI: ci, BusinessNumber: "1"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.a.Same(tt.b))
			require.Equal(t, tt.want, tt.b.Same(tt.a))
		})
	}
}

func TestRecipientShowsItselfNowhere(t *testing.T) {
	t.Parallel()
	r := person("강나루", "19900102", "01000000001")
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("recipient", r))
	text := out.String() + fmt.Sprintf("%v %+v %#v %s", r, r, r, r)
	for _, secret := range []string{"강나루", "19900102", "01000000001"} {
		require.NotContains(t, text, secret)
	}
}
