package hub

import "github.com/naru-relay/naru/pkg/sealed"

// What the hub unit seals, and opens again.
const (
	// sealedExchange is one side of an exchange with the hub, as it was.
	sealedExchange sealed.Purpose = "hub.exchange"
	// sealedToken is the platform's access or refresh token at the hub.
	sealedToken sealed.Purpose = "hub.token"
)

func seals() []sealed.Rule {
	return []sealed.Rule{
		{Purpose: sealedExchange, Readers: []string{domain}},
		{Purpose: sealedToken, Readers: []string{domain}},
	}
}
