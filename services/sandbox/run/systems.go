package run

import (
	"context"

	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/archive"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/hub/hubcert"
	"github.com/naru-relay/naru/services/sandbox/idp"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/tsa"
	"github.com/naru-relay/naru/services/sandbox/viewing"
)

// Hub is the distribution hub (유통허브) of the sandbox.
func Hub() System[hub.Config] {
	return System[hub.Config]{
		Name: "hub", Needs: Needs{PKI: true}, Sources: []pg.Source{{Name: "hub", FS: hub.Migrations}}, Default: hub.Default,
		Build: func(ctx context.Context, env Env, c hub.Config) (Running, error) {
			authority, err := pki.Open(pki.Options{Dir: env.PKIDir, Clock: env.Clock})
			if err != nil {
				return nil, err
			}
			renderer, err := hubcert.NewRenderer(authority)
			if err != nil {
				return nil, err
			}
			verifier, err := hubcert.NewVerifier(authority, env.Clock)
			if err != nil {
				return nil, err
			}
			return hub.New(ctx, hub.Deps{Base: env.Base, Config: c, Renderer: renderer, Verifier: verifier, PushKey: authority.Signer(pki.Hub).Key})
		},
	}
}

// Archive is the archive (전자문서센터) of the sandbox.
func Archive() System[archive.Config] {
	return System[archive.Config]{
		Name: "archive", Needs: Needs{PKI: true}, Sources: []pg.Source{{Name: "archive", FS: archive.Migrations}}, Default: archive.Default,
		Build: func(ctx context.Context, env Env, c archive.Config) (Running, error) {
			authority, err := pki.Open(pki.Options{Dir: env.PKIDir, Clock: env.Clock})
			if err != nil {
				return nil, err
			}
			return archive.New(ctx, archive.Deps{Base: env.Base, Config: c, Authority: authority})
		},
	}
}

// TSA is the time-stamping authority (시점확인) of the sandbox.
func TSA() System[tsa.Config] {
	return System[tsa.Config]{
		Name: "tsa", Needs: Needs{PKI: true}, Sources: []pg.Source{{Name: "tsa", FS: tsa.Migrations}}, Default: tsa.Default,
		Build: func(ctx context.Context, env Env, c tsa.Config) (Running, error) {
			authority, err := pki.Open(pki.Options{Dir: env.PKIDir, Clock: env.Clock})
			if err != nil {
				return nil, err
			}
			return tsa.New(ctx, tsa.Deps{Base: env.Base, Config: c, Authority: authority})
		},
	}
}

// Viewing is a sender's viewing system (전자문서 열람시스템).
func Viewing() System[viewing.Config] {
	return System[viewing.Config]{
		Name: "viewing", Sources: viewing.Sources(), Default: viewing.Default,
		Build: func(ctx context.Context, env Env, c viewing.Config) (Running, error) {
			return viewing.New(ctx, viewing.Deps{Base: env.Base, Config: c})
		},
	}
}

// signingKey is the name of the identity provider's key in its key folder.
const signingKey = "id-token"

// IDP is the identity provider (본인확인), which also acts as the recipients' phone.
func IDP() System[idp.Config] {
	return System[idp.Config]{
		Name: "idp", Needs: Needs{Keys: true}, Sources: []pg.Source{{Name: "idp", FS: idp.Migrations}}, Default: idp.Default,
		Build: func(ctx context.Context, env Env, c idp.Config) (Running, error) {
			store, err := keys.Open(env.KeysDir, keys.Options{Create: true})
			if err != nil {
				return nil, err
			}
			signer, err := store.Signer(ctx, signingKey)
			if err != nil {
				return nil, err
			}
			return idp.New(ctx, idp.Deps{Base: env.Base, Config: c, Key: signer})
		},
	}
}
