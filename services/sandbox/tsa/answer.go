package tsa

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// serve answers one request (RFC 3161 section 3.4).
func (s *System) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != tsp.MediaQuery {
		http.Error(w, "the body must be of the type "+tsp.MediaQuery, http.StatusUnsupportedMediaType)
		return
	}
	der, err := io.ReadAll(io.LimitReader(r.Body, tsp.MaxRequestBytes+1))
	if err != nil {
		return // the caller has gone
	}
	answer, err := s.answer(r.Context(), der)
	if err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelError, "time stamp not issued", slog.Any("error", err))
		if answer, err = tsp.Reject(tsp.SystemFailure); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", tsp.MediaReply)
	_, _ = w.Write(answer)
}

// answer is the TimeStampResp. An error is the authority's own fault.
func (s *System) answer(ctx context.Context, der []byte) ([]byte, error) {
	request, err := tsp.ParseRequest(der)
	switch {
	case errors.Is(err, tsp.ErrAlgorithm):
		return tsp.Reject(tsp.BadAlgorithm)
	case errors.Is(err, tsp.ErrExtension):
		return tsp.Reject(tsp.UnacceptedExtension)
	case err != nil:
		return tsp.Reject(tsp.BadDataFormat)
	case request.Policy != nil && !request.Policy.Equal(attestation.TestPolicy):
		return tsp.Reject(tsp.UnacceptedPolicy)
	}
	key := hex.EncodeToString(request.Hash[:])
	if _, ok := s.Scenarios.Take(scenario.TSARejects, key); ok {
		return tsp.Reject(tsp.TimeNotAvailable)
	}
	now := s.Clock.Now().UTC().Truncate(time.Second)
	serial, err := insertStamp(ctx, s.DB, key, now)
	if err != nil {
		return nil, err
	}
	signer, err := s.signer(key)
	if err != nil {
		return nil, err
	}
	stamp := s.misled(attestation.Stamp{
		Hash: request.Hash, Serial: big.NewInt(serial), At: now, Nonce: request.Nonce, Policy: attestation.TestPolicy,
		OmitCertificates: !request.Certificates,
	}, key)
	token, err := attestation.IssueTimeStamp(stamp, signer.Key, signer.Chain)
	if err != nil {
		return nil, err
	}
	return tsp.Grant(token)
}

// signer is the genuine one, unless a scenario wants another.
func (s *System) signer(key string) (pki.Signer, error) {
	if _, ok := s.Scenarios.Take(scenario.TSAForeignSigner, key); ok {
		return s.authority.Foreign(pki.TimeStamp)
	}
	if _, ok := s.Scenarios.Take(scenario.TSAExpired, key); ok {
		return s.authority.Expired(pki.TimeStamp)
	}
	return s.authority.Signer(pki.TimeStamp), nil
}

// misled changes what a token says where a scenario wants that.
func (s *System) misled(stamp attestation.Stamp, key string) attestation.Stamp {
	if _, ok := s.Scenarios.Take(scenario.TSAOtherImprint, key); ok {
		stamp.Hash = sha256.Sum256(stamp.Hash[:])
	}
	if _, ok := s.Scenarios.Take(scenario.TSAOtherNonce, key); ok {
		stamp.Nonce = new(big.Int).Add(big.NewInt(1), nonceOf(stamp))
	}
	return stamp
}

func nonceOf(stamp attestation.Stamp) *big.Int {
	if stamp.Nonce == nil {
		return big.NewInt(0)
	}
	return stamp.Nonce
}
