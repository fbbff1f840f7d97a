package kelpie

import (
	"context"

	"example.com/kelpie/kelpiev1"
)

// The coordinator asks whether a player is really there, when they log in elsewhere.
func (r *reporting) handleVerify() error {
	_, err := r.session.handlers.add("verify_player",
		func(ctx context.Context, _ *Request, command *kelpiev1.Command) (*kelpiev1.CommandOutput, error) {
			verified, err := r.verify(ctx, command.GetVerifyPlayer().GetPlayer())
			if err != nil {
				return nil, err
			}
			return &kelpiev1.CommandOutput{Form: &kelpiev1.CommandOutput_Verified{Verified: verified}}, nil
		})
	return err
}

func (r *reporting) verify(ctx context.Context, player *kelpiev1.PlayerRef) (*kelpiev1.PlayerVerified, error) {
	r.session.mu.Lock()
	holds := r.holds(player)
	r.session.mu.Unlock()
	if !holds {
		return &kelpiev1.PlayerVerified{}, nil
	}
	verified, err := r.options.Verify(ctx, player.PlayerId)
	wire := &kelpiev1.PlayerVerified{Connected: verified.Connected}
	if verified.Silence > 0 {
		wire.Silence = durationOf(verified.Silence)
	}
	return wire, err
}
