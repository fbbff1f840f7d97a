package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.AsyncEvent;
import dev.waterdog.waterdogpe.event.Event;

/** A stub: the proxy listens. */
@AsyncEvent
public class ProxyStartEvent extends Event {}
