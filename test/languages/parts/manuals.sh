# The manuals of the clients in other languages, from an empty folder to a server of the network.
. "$(dirname "$0")/../part.sh"
need go java mvn python3 node
tests languages/manuals/check.js
say 'the manuals of Go, Java and Python, each from an empty folder'
