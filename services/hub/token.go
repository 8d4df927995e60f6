package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// token is the platform's access token. Version tells tokens apart: a failure of version n is over with any later version.
type token struct {
	version  int64
	access   string
	refresh  string
	issuedAt time.Time
	// expiresAt and refreshUntil are zero if the hub gave no lifetime.
	expiresAt, refreshUntil time.Time
	// refused by the hub, whatever its expiry.
	refused bool
}

func (t token) usable(now time.Time) bool {
	return t.access != "" && !t.refused && (t.expiresAt.IsZero() || now.Before(t.expiresAt))
}

// due reports whether the token should be renewed before anybody needs a new one.
func (t token) due(now time.Time, before time.Duration) bool {
	if !t.usable(now) {
		return true
	}
	return !t.expiresAt.IsZero() && t.expiresAt.Sub(now) < min(before, t.expiresAt.Sub(t.issuedAt)/4)
}

// tokens holds the one access token of this platform, which all replicas share by the row hub_token.
//
//	         first use, start, soon due, refused by the hub
//	held ───────────────────────────────────────────────────► renewing ──► held (version + 1)
//	  ▲                                                          │
//	  └────────── not renewed, old token still good ─────────────┘
//
// While this replica renews, its calls wait. A caller that needs a token later than version n finds one, in memory or in the row,
// or takes the lease on the row and renews. So however many calls fail at the same time, one renewal is made.
type tokens struct {
	db          *pgxpool.Pool
	sealed      *sealed.Box
	clock       clock.Clock
	log         *slog.Logger
	recorder    *recorder
	client      *hubclient.Client
	config      TokenConfig
	timeout     time.Duration // of one renewal
	platform    string
	credentials hubclient.Credentials
	holder      uuid.UUID

	mu       sync.Mutex
	held     token
	renewal  *renewal
	failedAt time.Time
	failure  error
}

// renewal is a renewal under way; err is set before done is closed.
type renewal struct {
	done chan struct{}
	err  error
}

func (r *renewal) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a token: %w", ctx.Err())
	}
}

// current returns a token that is valid as far as this unit knows, and waits for a renewal under way.
func (t *tokens) current(ctx context.Context) (token, error) {
	t.mu.Lock()
	running := t.renewal
	t.mu.Unlock()
	if running != nil {
		if err := running.wait(ctx); err != nil {
			return token{}, err
		}
	}
	t.mu.Lock()
	held := t.held
	t.mu.Unlock()
	if held.usable(t.clock.Now()) {
		return held, nil
	}
	return t.after(ctx, held.version)
}

// replace returns a token later than one the hub refused.
func (t *tokens) replace(ctx context.Context, refused int64) (token, error) {
	t.mu.Lock()
	if t.held.version == refused {
		t.held.refused = true
	}
	t.mu.Unlock()
	return t.after(ctx, refused)
}

// after returns a token later than the given version, and renews if nobody has yet.
func (t *tokens) after(ctx context.Context, version int64) (token, error) {
	r := t.begin(ctx, version)
	if r != nil {
		if err := r.wait(ctx); err != nil {
			return token{}, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.held.version > version && t.held.usable(t.clock.Now()):
		return t.held, nil
	case r != nil && r.err != nil:
		return token{}, r.err
	case t.failure != nil:
		return token{}, t.failure
	default:
		return token{}, errNoToken
	}
}

var errNoToken = errors.New("there is no token of the hub")

// begin joins a renewal under way or starts one; nil if none is needed, or if one has just failed.
func (t *tokens) begin(ctx context.Context, version int64) *renewal {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	switch {
	case t.renewal != nil:
		return t.renewal
	case t.held.version > version && t.held.usable(now):
		return nil
	case t.failure != nil && now.Sub(t.failedAt) < t.config.RetryAfter.Std():
		return nil
	}
	r := &renewal{done: make(chan struct{})}
	t.renewal = r
	// All callers share the renewal, so it does not end with the caller that needed it first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.timeout)
	go func() {
		defer cancel()
		fresh, err := t.obtain(ctx, version)
		t.finish(ctx, r, fresh, err)
	}()
	return r
}

func (t *tokens) finish(ctx context.Context, r *renewal, fresh token, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.held, t.failure = fresh, nil
	} else {
		t.failure, t.failedAt = err, t.clock.Now()
		t.log.LogAttrs(ctx, slog.LevelWarn, "hub token not renewed", slog.Any("error", err))
	}
	r.err, t.renewal = err, nil
	close(r.done)
}

// otherReplicaPause is how long to wait between looks at the row while another replica holds the lease.
const otherReplicaPause = 100 * time.Millisecond

// obtain takes a later token from the row, or renews it under the lease.
func (t *tokens) obtain(ctx context.Context, version int64) (token, error) {
	for {
		row, err := loadToken(ctx, t.db, t.platform)
		if err != nil {
			return token{}, err
		}
		stored, err := t.unseal(ctx, row)
		if err != nil {
			return token{}, err
		}
		if stored.version > version && stored.usable(t.clock.Now()) {
			return stored, nil
		}
		leased, err := leaseToken(ctx, t.db, t.platform, stored.version, t.holder, t.config.Lease.Std())
		if err != nil {
			return token{}, err
		}
		if leased {
			return t.renewLeased(ctx, stored, max(stored.version, version)+1)
		}
		if err := lifecycle.Wait(ctx, otherReplicaPause); err != nil {
			return token{}, fmt.Errorf("wait for another replica's renewal: %w", err)
		}
	}
}

// renewLeased renews and stores. If that fails, it gives back the lease.
func (t *tokens) renewLeased(ctx context.Context, old token, version int64) (token, error) {
	fresh, err := t.issue(ctx, old)
	if err == nil {
		fresh.version = version
		var row storedToken
		if row, err = t.seal(ctx, fresh); err == nil {
			err = storeToken(ctx, t.db, t.platform, t.holder, row)
		}
	}
	if err == nil {
		return fresh, nil
	}
	ctx, cancel := work.Settling(ctx)
	defer cancel()
	return token{}, errors.Join(err, releaseToken(ctx, t.db, t.platform, t.holder))
}

// issue asks the hub: with the refresh token if there is one (grantType 1), otherwise, or if the hub refuses that, with the
// secret alone (grantType 0).
func (t *tokens) issue(ctx context.Context, old token) (token, error) {
	if old.refresh != "" && (old.refreshUntil.IsZero() || t.clock.Now().Before(old.refreshUntil)) {
		fresh, err := t.ask(ctx, old.refresh)
		var refusal *hubclient.Refused
		if !errors.As(err, &refusal) {
			return fresh, err
		}
	}
	return t.ask(ctx, "")
}

func (t *tokens) ask(ctx context.Context, refresh string) (token, error) {
	credentials := t.credentials
	credentials.RefreshToken = refresh
	call, err := t.client.IssueToken(credentials)
	if err != nil {
		return token{}, err
	}
	// The lifetime counts from before the call, so that our expiry is never later than the hub's.
	asked := t.clock.Now()
	var got hubclient.Token
	_, err = t.recorder.do(ctx, id.New(), 1, call, "", into(&got, hubclient.ReadToken))
	if err != nil {
		return token{}, fmt.Errorf("ask the hub for a token: %w", err)
	}
	fresh := token{access: got.Access, refresh: got.Refresh, issuedAt: asked}
	if got.AccessLifetime > 0 {
		fresh.expiresAt = asked.Add(got.AccessLifetime)
	}
	if got.RefreshLifetime > 0 {
		fresh.refreshUntil = asked.Add(got.RefreshLifetime)
	}
	return fresh, nil
}

func (t *tokens) seal(ctx context.Context, fresh token) (storedToken, error) {
	row := storedToken{version: fresh.version, issuedAt: fresh.issuedAt, expiresAt: fresh.expiresAt, refreshUntil: fresh.refreshUntil}
	var err error
	if row.access, err = t.sealed.Seal(ctx, sealedToken, t.platform+"/access", []byte(fresh.access)); err != nil {
		return row, fmt.Errorf("seal token: %w", err)
	}
	if fresh.refresh == "" {
		return row, nil
	}
	if row.refresh, err = t.sealed.Seal(ctx, sealedToken, t.platform+"/refresh", []byte(fresh.refresh)); err != nil {
		return row, fmt.Errorf("seal token: %w", err)
	}
	return row, nil
}

func (t *tokens) unseal(ctx context.Context, row storedToken) (token, error) {
	stored := token{version: row.version, issuedAt: row.issuedAt, expiresAt: row.expiresAt, refreshUntil: row.refreshUntil}
	for _, part := range []struct {
		name   string
		sealed []byte
		into   *string
	}{
		{"access", row.access, &stored.access},
		{"refresh", row.refresh, &stored.refresh},
	} {
		if part.sealed == nil {
			continue
		}
		clear, err := t.sealed.Open(ctx, sealedToken, t.platform+"/"+part.name, part.sealed)
		if kind := fault.KindOf(err); kind == fault.Corrupt || kind == fault.NotFound {
			// A token that cannot be opened can be replaced by a new one from the hub.
			t.log.LogAttrs(ctx, slog.LevelError, "stored hub token cannot be opened", slog.Any("error", err))
			return token{version: row.version}, nil
		}
		if err != nil {
			return token{}, fmt.Errorf("open token: %w", err)
		}
		*part.into = string(clear)
	}
	return stored, nil
}

// task obtains a token at the start and renews it before it ends.
func (t *tokens) task() lifecycle.Task {
	return lifecycle.Every("hub-token", t.config.CheckEvery.Std(), func(ctx context.Context) {
		t.mu.Lock()
		held := t.held
		t.mu.Unlock()
		if held.due(t.clock.Now(), t.config.RenewBefore.Std()) {
			// finish has logged the error; the next look comes soon.
			_, _ = t.after(ctx, held.version)
		}
	})
}

// age returns how old the held token is and how long it is still valid; false if there is none.
func (t *tokens) age() (age, left time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held.access == "" {
		return 0, 0, false
	}
	now := t.clock.Now()
	if !t.held.expiresAt.IsZero() {
		left = t.held.expiresAt.Sub(now)
	}
	return now.Sub(t.held.issuedAt), left, true
}
