package kelpie

// SharedState has the values that the programs of the network share.
type SharedState struct{ session *session }
