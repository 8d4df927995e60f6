package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/naru-relay/naru/pkg/rest"
)

// pages reads a list of the relay to its end.
func pages[T any](ctx context.Context, read func(ctx context.Context, query url.Values) ([]T, string, error)) (all []T, err error) {
	query := url.Values{}
	for {
		page, next, err := read(ctx, query)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		query.Set("pageToken", next)
	}
}

// done is what became of one of many.
type done struct {
	ID    string `json:"id"`
	Error string `json:"error,omitempty"`
}

// bulk does the same for each id. What the relay refuses for one of them hinders no other; what concerns all of them (no
// permission, no room, no answer) ends it.
func (a *app) bulk(ids []string, did string, do func(id string) error) error {
	outcomes, refused := []done{}, 0
	var ended error
	for _, id := range ids {
		err := do(id)
		if err != nil && !concernsOne(err) {
			ended = err
			break
		}
		one := done{ID: id}
		if err != nil {
			refused++
			one.Error = err.Error()
		}
		outcomes = append(outcomes, one)
		a.progress("%d of %d …", len(outcomes), len(ids))
	}
	if err := a.show(outcomes, func() error {
		if len(ids) == 0 {
			return a.say("nothing to do")
		}
		for _, o := range outcomes {
			text := did
			if o.Error != "" {
				text = "not done: " + o.Error
			}
			if err := a.say("%s  %s", o.ID, text); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	switch {
	case ended != nil:
		return fmt.Errorf("ended after %d of %d: %w", len(outcomes), len(ids), ended)
	case refused > 0:
		return fmt.Errorf("%d of %d not done", refused, len(ids))
	}
	return nil
}

// sum shows how many of those asked for were done; that fewer were is told by the exit code.
func (a *app) sum(result any, text string, did, of int) error {
	if err := a.show(result, func() error { return a.say(text, did, of) }); err != nil {
		return err
	}
	if did < of {
		return fmt.Errorf("%d of %d not done", of-did, of)
	}
	return nil
}

func concernsOne(err error) bool {
	var problem *rest.Problem
	if !errors.As(err, &problem) {
		return false
	}
	switch problem.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusConflict:
		return true
	default:
		return false
	}
}
