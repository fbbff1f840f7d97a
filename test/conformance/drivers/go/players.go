package main

import "example.com/kelpie"

func (s *session) addPlayers(options *kelpie.Options, given options) error {
	if given.Players != nil {
		return errNotSupported
	}
	return nil
}
