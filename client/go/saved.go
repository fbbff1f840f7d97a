package kelpie

import (
	"bytes"
	"errors"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

const epochBytes = 16

// savedState is what a client writes to files for its next process: its cursor and its roster.
type savedState struct {
	// One for all streams: handlers may still work on events of an older stream.
	processing processing
	// nil: the program names no such file.
	cursorFile, rosterFile *storedFile
	// Why the roster file gave no rows. The client reports it when it starts, so that a reader of its statuses gets it.
	unread error
	// The client has ended: the events that it drops then are not processed.
	ended bool
}

// The files, and the position of the former process. FILE_INVALID for a cursor file that cannot be read: another start
// would lose events.
func newSavedState(s *session, options Options) (savedState, *kelpiev1.Cursor, error) {
	at := func(path string) *storedFile {
		if path == "" {
			return nil
		}
		return &storedFile{path: path, failed: func(err error) { s.post(Status{Kind: FileFailed, Path: path, Err: err}) }}
	}
	saved := savedState{cursorFile: at(options.CursorFile), rosterFile: at(options.RosterFile)}
	if saved.cursorFile == nil {
		return saved, nil, nil
	}
	content, err := saved.cursorFile.load()
	if err != nil || content == nil {
		return saved, nil, err
	}
	cursor, err := cursorOf(content)
	if err != nil {
		return saved, nil, unreadable(options.CursorFile, err)
	}
	return saved, cursor, nil
}

// The bytes must be exactly one whole cursor: half a cursor would be a wrong position.
func cursorOf(content []byte) (*kelpiev1.Cursor, error) {
	if len(content) == 0 {
		return nil, errors.New("it is empty")
	}
	cursor := &kelpiev1.Cursor{}
	err := proto.Unmarshal(content, cursor)
	if err != nil || len(cursor.Epoch) != epochBytes || cursor.Sequence == 0 || !bytes.Equal(encodedCursor(cursor), content) {
		return nil, errors.New("it does not contain a whole cursor")
	}
	return cursor, nil
}

func encodedCursor(cursor *kelpiev1.Cursor) []byte {
	content, _ := proto.MarshalOptions{Deterministic: true}.Marshal(cursor) // A cursor has nothing that fails.
	return content
}

// Fills the roster from its file. Without a file that can be read, the client begins without it.
func (s *savedState) restore(roster *rosterTable) {
	if s.rosterFile == nil {
		return
	}
	content, err := s.rosterFile.load()
	if err == nil && content != nil {
		if err = roster.restore(content); err != nil {
			err = unreadable(s.rosterFile.path, err)
		}
	}
	s.unread = err
}

func (s *savedState) reportUnread() {
	if s.unread != nil {
		s.rosterFile.failed(s.unread)
	}
}

// The roster has changed. save makes the content of its file, off the lock.
func (s *savedState) rosterChanged(save func() []byte) {
	if s.rosterFile != nil && !s.ended {
		s.rosterFile.save(save)
	}
}

// The client has received everything up to here. Call processed when it is processed too.
func (s *savedState) received(upTo *kelpiev1.Cursor) *piece { return s.processing.begin(upTo, 0) }

func (s *savedState) processed(one *piece) {
	if upTo, _ := s.processing.finish(one); upTo != nil && s.cursorFile != nil && !s.ended {
		s.cursorFile.save(func() []byte { return encodedCursor(upTo) })
	}
}

// Writes the newest state now. Returns when no file is open any more.
func (s *savedState) close() {
	for _, file := range []*storedFile{s.cursorFile, s.rosterFile} {
		if file != nil {
			file.close()
		}
	}
}
