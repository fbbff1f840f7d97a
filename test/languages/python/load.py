"""Lets the plugin build its frames and read others."""

import json
import sys

import plugin
from google.protobuf.json_format import ParseDict
from kelpie.v1.session_service_pb2 import CoordinatorFrame

plugin.request().SerializeToString()
with open(sys.argv[1]) as frames:
    for frame in json.load(frames):
        if plugin.read(ParseDict(frame, CoordinatorFrame())) == "":
            sys.exit(f"not known: {frame}")
