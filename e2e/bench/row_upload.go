package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/naru-relay/naru/pkg/testkit/invented"
)

const uploadName = "upload"

// uploadRow measures a new institution's upload of distinct certificates, of which the relay has seen none before.
func uploadRow() row {
	return row{name: uploadName, lines: []line{reported("upload of distinct registration certificates by a new institution", "certificates/s "+ofFloor)}, measure: measureUpload}
}

func measureUpload(ctx context.Context, b *bench, lines []line) ([]line, error) {
	r := b.stack.rest()
	defer r.close()
	t, err := b.turns(ctx, uploadName, func(ctx context.Context, turn int) (round, error) {
		newcomer, err := b.stack.institution(ctx, b.chain.conns[0], fmt.Sprintf("newcomer-%d", turn+1), invented.BusinessNumber(200000000+turn))
		if err != nil {
			return round{}, err
		}
		items, err := b.chain.items(ctx, newcomer, fmt.Sprintf("upload-%d", turn+1), 0, b.options.uploads)
		if err != nil {
			return round{}, err
		}
		return b.calls(ctx, fmt.Sprintf("%s-%d", uploadName, turn+1), len(items), func(ctx context.Context, i int) error {
			bearer, err := newcomer.bearer(ctx)
			if err != nil {
				return err
			}
			body, err := json.Marshal(map[string][]byte{"registrationCertificate": items[i].GetRegistrationCertificate()})
			if err != nil {
				return fmt.Errorf("encode: %w", err)
			}
			return r.call(ctx, bearer, http.MethodPost, "/v1/registration-certificates", body, nil)
		})
	})
	if err != nil {
		return nil, err
	}
	lines[0] = lines[0].is(t.Ratio)
	return lines, nil
}
