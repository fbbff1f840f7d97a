<?php

// Loads every generated class, and lets the plugin build its frames and read others. PHP finds a name
// that is gone only when it is used.

namespace Grpc {
    // The extension that holds connections has no part in the names.
    class BaseStub
    {
    }
}

namespace {
    [, $generated, $plugin, $frames] = $argv;
    set_include_path($generated . PATH_SEPARATOR . get_include_path());
    spl_autoload_register(fn (string $class) => include str_replace('\\', '/', $class) . '.php');

    foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($generated)) as $file) {
        if ($file->getExtension() === 'php') {
            require_once $file;
        }
    }

    require $plugin;
    request()->serializeToString();

    foreach (json_decode(file_get_contents($frames)) as $json) {
        $frame = new Kelpie\V1\CoordinatorFrame();
        $frame->mergeFromJsonString(json_encode($json));
        read($frame) !== '' || throw new Exception('not known: ' . json_encode($json));
    }
}
