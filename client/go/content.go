package kelpie

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"example.com/kelpie/kelpiev1"
)

// Content is the content of a message, a command or a value, as it came: text, bytes or JSON.
type Content struct{ wire *kelpiev1.Content }

// The most levels of objects and lists in JSON, with the outermost one.
const jsonDepth = 30

// IsZero reports whether there is no content, as in the reply of a handler that returned nothing.
func (c Content) IsZero() bool { return c.wire.GetForm() == nil }

// Text is the content as text: JSON in its text form, and bytes as they are.
func (c Content) Text() string {
	if text, ok := c.wire.GetForm().(*kelpiev1.Content_Text); ok {
		return text.Text
	}
	return string(c.Bytes())
}

// Bytes is the content as bytes: text in UTF-8, and JSON in its text form. Do not change them.
func (c Content) Bytes() []byte {
	switch form := c.wire.GetForm().(type) {
	case *kelpiev1.Content_Data:
		return form.Data
	case *kelpiev1.Content_Text:
		return []byte(form.Text)
	}
	if c.IsZero() {
		return nil
	}
	bytes, err := json.Marshal(c.Value())
	if err != nil {
		return nil // A message can have the numbers NaN and Inf, which JSON does not have.
	}
	return bytes
}

// Value is the content as a Go value: string, []byte, map[string]any, []any, or nil if there is none.
func (c Content) Value() any {
	switch form := c.wire.GetForm().(type) {
	case *kelpiev1.Content_Data:
		return form.Data
	case *kelpiev1.Content_Text:
		return form.Text
	case *kelpiev1.Content_Json:
		return form.Json.AsMap()
	case *kelpiev1.Content_List:
		return form.List.AsSlice()
	}
	return nil
}

// Decode stores JSON content in the value that into points to, as json.Unmarshal does. VALUE_INVALID if the content is
// no JSON, or does not fit.
func (c Content) Decode(into any) error {
	if err := json.Unmarshal(c.Bytes(), into); err != nil {
		e := invalid("content", "the content does not fit: "+err.Error())
		e.cause = err
		return e
	}
	return nil
}

// contentOf is the content as it goes on the wire: a copy. It takes a string, []byte, a Content, or any value that
// encoding/json makes an object or a list of. VALUE_INVALID or CONTENT_TOO_DEEP.
func contentOf(given any) (*kelpiev1.Content, error) {
	switch given := given.(type) {
	case string:
		if !utf8.ValidString(given) {
			return nil, invalid("content", "the text of the content is not UTF-8; send it as []byte")
		}
		return &kelpiev1.Content{Form: &kelpiev1.Content_Text{Text: given}}, nil
	case []byte:
		return &kelpiev1.Content{Form: &kelpiev1.Content_Data{Data: append([]byte{}, given...)}}, nil
	case Content:
		if given.IsZero() {
			return nil, invalid("content", "the content is empty")
		}
		return given.wire, nil
	}
	return jsonOf(given)
}

func jsonOf(given any) (*kelpiev1.Content, error) {
	text, err := json.Marshal(given)
	if err != nil {
		return nil, invalid("content", "the content cannot be JSON: "+err.Error())
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, invalid("content", "the content cannot be JSON: "+err.Error())
	}
	if isDeeper(value, jsonDepth) {
		return nil, tooDeep(jsonDepth)
	}
	switch value := value.(type) {
	case map[string]any:
		object, err := structpb.NewStruct(value)
		if err != nil {
			return nil, invalid("content", "the content cannot be JSON: "+err.Error())
		}
		return &kelpiev1.Content{Form: &kelpiev1.Content_Json{Json: object}}, nil
	case []any:
		list, err := structpb.NewList(value)
		if err != nil {
			return nil, invalid("content", "the content cannot be JSON: "+err.Error())
		}
		return &kelpiev1.Content{Form: &kelpiev1.Content_List{List: list}}, nil
	}
	return nil, invalid("content", fmt.Sprintf(
		"the content is a %T; it must be a string, []byte, or a value that JSON writes as an object or a list", given))
}

// Whether a value has more than this many levels of objects and lists.
func isDeeper(value any, levels int) bool {
	switch value := value.(type) {
	case map[string]any:
		for _, inner := range value {
			if isDeeper(inner, levels-1) {
				return true
			}
		}
		return levels < 1
	case []any:
		for _, inner := range value {
			if isDeeper(inner, levels-1) {
				return true
			}
		}
		return levels < 1
	}
	return false
}

func tooDeep(levels int) *Error {
	return refuse(ReasonContentTooDeep,
		fmt.Sprintf("content has at most %d objects and lists in each other; send it as text, or less deep", levels),
		"limit", strconv.Itoa(levels))
}
