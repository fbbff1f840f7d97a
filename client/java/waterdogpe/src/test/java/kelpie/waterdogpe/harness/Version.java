package kelpie.waterdogpe.harness;

/** The versions of WaterdogPE that the harness plays. */
public enum Version {
  /** The last release: no event of a failed transfer, and a player whose transfer failed is kicked. */
  V2_0_3,
  /** Master at 932f110. */
  MASTER
}
